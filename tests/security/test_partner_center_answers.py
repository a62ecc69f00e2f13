"""Whatever Partner Center answers: the client has a result or a declared error for it."""

import gc
import json
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from shared.errors import PartnerCenterError, RefusedError, TransientError
from shared.ids import GUID_PATTERN
from shared.models import Operation, to_json
from shared.partner_center.client import CloudPartnerPortal
from shared.partner_center.credentials import StaticTokens
from shared.partner_center.protocol import CancelAnswer, OfferStatus
from shared.partner_center.transport import Answer
from tests.integration.raw_server import RawServer, http_answer, read_request
from tests.security.hostile import ALLOWED, JSON, NUMBERS, SUBJECT, TEXT, TIMES, near
from tests.security.memory_app import ORIGIN, TOKEN, MemoryApp
from tests.shared.builders import OTHER_ID, OWN_LOCATION, REQUEST_ID, SLOT_LOCATION, TARGET_ID

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
CALLS: dict[str, tuple[str, ...]] = {
    "list_operations": (),
    "read_status": (),
    "read_operation": (TARGET_ID,),
    "read_location": (OWN_LOCATION,),
    "cancel": (ALLOWED,),
}
WORDS = st.sampled_from(["running", "Canceled", "failed", "complete", "aborted", "canceling"])
IDS = st.sampled_from([TARGET_ID, OTHER_ID, TARGET_ID.upper()])
OPERATION = near(
    {
        "id": IDS,
        "status": WORDS,
        "submissionState": WORDS,
        "submissionType": st.sampled_from(["publish", "cancel"]),
        "createdDateTime": TIMES,
        "lastActionDateTime": TIMES,
        "changedTime": TIMES,
        "version": st.sampled_from(NUMBERS),
        "cancellationRequestState": st.sampled_from(["canCancel", "requested"]),
        "location": st.sampled_from([OWN_LOCATION, "//evil.example"]),
        "error": near({"code": TEXT, "message": TEXT}),
    }
)
BODIES = (
    st.binary(max_size=60)
    | st.sampled_from([b"", b"null", b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe[\x00]\x00"])
    | (OPERATION | st.lists(OPERATION, max_size=4) | JSON).map(
        lambda body: json.dumps(body).encode()
    )
)
DATES = st.sampled_from(
    [
        "Sat, 21 Nov 2026 12:00:00 GMT",
        "Sat, 21 Nov 2026 12:00:00 +99999999999999",
        "Sat, 21 Nov 99999999999999999999 12:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "Mon, 01 Jan 1900 00:00:00 GMT",
        "Sat, 21 Nov 2026 99:99:99 GMT",
        "1 2 3 4 5 6",
    ]
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Location": st.sampled_from([OWN_LOCATION, SLOT_LOCATION]) | TEXT,
        "Operation-Location": TEXT,
        "Retry-After": DATES | st.sampled_from(["0", "7", "9" * 5000, "-1", "\u0663"]) | TEXT,
        "Date": DATES | TEXT,
        "Content-Type": TEXT,
        "Content-Length": TEXT,
    },
)
ANSWERS = st.tuples(st.integers(100, 599) | st.sampled_from([200, 202, 400, 404]), HEADERS, BODIES)

type Given = tuple[int, dict[str, str], bytes]


class Answering:
    """Stands in for HTTP: every request is answered with the next of these, then the first."""

    def __init__(self, answers: list[Given]) -> None:
        self._answers = answers
        self.sent: list[tuple[str, str, str]] = []

    def send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None,
        deadline_seconds: float,
    ) -> Answer:
        status, given_headers, given_body = self._answers[len(self.sent) % len(self._answers)]
        self.sent.append((method, path, headers["Authorization"]))
        return Answer(status, CaseInsensitiveDict(given_headers), given_body, NOW)


def outcome_of(call: Callable[[], Any]) -> Any:
    """What a call gives, or the declared error that it raises."""
    try:
        return call()
    except PartnerCenterError as error:
        return error


def assert_in_bounds(found: Any) -> None:
    """A result can be kept and shown, and leads nowhere else."""
    match found:
        case tuple():
            for each in found:
                assert_operation_in_bounds(each)
        case Operation():
            assert_operation_in_bounds(found)
        case OfferStatus():
            assert len(found.word) <= 100
        case CancelAnswer():
            assert_answer_in_bounds(found)
        case TransientError():
            assert len(str(found)) < 1000
            assert 0 <= (found.retry_after or 0) <= 900
        case RefusedError():
            assert len(str(found)) < 1000
        case _:
            assert found is None


def assert_operation_in_bounds(found: Operation) -> None:
    assert not found.id or re.search(GUID_PATTERN, found.id)
    assert len(found.word) <= 100
    for at in (found.started_at, found.ended_at):
        assert at is None or 2000 <= at.year <= 2100
    assert msgspec.json.decode(to_json(found), type=Operation).id == found.id


def assert_answer_in_bounds(found: CancelAnswer) -> None:
    assert 0 <= (found.retry_after or 0) <= 900
    if found.location is not None:
        own, slot = OWN_LOCATION[: OWN_LOCATION.index(TARGET_ID)], SLOT_LOCATION[:37]
        assert found.location.startswith((own, slot))
        assert re.fullmatch(r"[A-Za-z0-9/$?=._-]+", found.location)


@pytest.mark.parametrize("name", CALLS)
@settings(max_examples=80)
@example((202, {"Date": "Sat, 21 Nov 2026 12:00:00 +99999999999999"}, b"{}"))
@example((503, {"Retry-After": "Sat, 21 Nov 99999999999999999999 12:00:00 GMT"}, b""))
@example((200, {"Date": "Mon, 01 Jan 4000 00:00:00 GMT"}, json.dumps([{"id": TARGET_ID}]).encode()))
@given(ANSWERS)
def test_any_answer_is_a_result_or_a_declared_error(name: str, given_answer: Given) -> None:
    http = Answering([given_answer])
    client = CloudPartnerPortal(ORIGIN, StaticTokens(TOKEN), clock=lambda: NOW, transport=http)
    found = outcome_of(lambda: getattr(client, name)("contoso", "contoso-vm", *CALLS[name]))
    assert_in_bounds(found)
    assert {path.split("?")[0].split("/")[1] for _, path, _ in http.sent} == {"api"}
    assert {token for _, _, token in http.sent} == {f"Bearer {TOKEN}"}


@settings(max_examples=40)
@given(st.lists(ANSWERS, min_size=1, max_size=6))
def test_through_any_answers_a_request_ends_and_is_not_lost(answers: list[Given]) -> None:
    app = MemoryApp(Answering(answers))
    app.requests.put(json.dumps({**SUBJECT, "requestId": REQUEST_ID}))
    for _ in range(160):
        app.submit()
        app.poll()
        [row] = app.rows
        assert app.requests.stored or app.pending.stored or row.outcome
        if not app.requests.stored and not app.pending.stored:
            break
        app.clock.advance(minutes=20)
    assert app.all_have_ended
    assert not app.poisoned


def test_a_list_of_a_thousand_operations_that_were_hit_fits_into_a_message() -> None:
    at = "2026-11-21T12:00:01Z"
    hit = [
        {"id": f"{n:08x}{TARGET_ID[8:]}", "status": "canceled", "createdDateTime": at}
        for n in range(3000)
    ]
    running = {"id": TARGET_ID, "status": "running", "createdDateTime": "2026-11-01T00:00:00Z"}
    canceled = {**running, "status": "canceled"}

    def as_answer(body: Any) -> Given:
        return 200, {}, json.dumps(body).encode()

    looks = [as_answer([running]), (202, {}, b""), as_answer([*hit, canceled])]
    app = MemoryApp(Answering([*looks, *[as_answer([*hit, canceled])] * 50]))
    app.requests.put(json.dumps({**SUBJECT, "requestId": REQUEST_ID}))
    for _ in range(5):
        app.submit()
        app.poll()
        app.clock.advance(minutes=1)
    [row] = app.rows
    assert row.outcome is not None
    assert row.outcome.name == "canceled"
    assert 0 < len(row.also_canceled) <= 20


RAW_HEAD = st.sampled_from(
    [
        "Content-Length: 0",
        "Content-Length: 5",
        "Content-Length: -1",
        "Content-Length: 99999999999999999999",
        "Content-Length: 2, 3",
        "Content-Length: \u0663",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: gzip, chunked",
        "Content-Encoding: gzip",
        "Set-Cookie: a=b; Domain=.example; Expires=Foo, 99 Bar 99999 99:99:99 GMT; Max-Age=x",
        "Location: \x00\x7f",
        "Date: Sat, 21 Nov 2026 12:00:00 +99999999999999",
        "Connection: upgrade",
        "no colon at all",
        " folded",
        ": no name",
    ]
) | st.text(max_size=20)


@pytest.mark.integration
def test_headers_that_cannot_be_parsed_get_into_no_log(caplog: pytest.LogCaptureFixture) -> None:
    def talk(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 X\r\nno colon\r\nX-Who: eve@evil.example\r\n\r\n[]")

    with RawServer(talk) as server:
        client = CloudPartnerPortal(server.url, StaticTokens(TOKEN), read_seconds=5)
        assert_in_bounds(outcome_of(lambda: client.list_operations("contoso", "contoso-vm")))
    assert "evil" not in caplog.text


@pytest.fixture
def garbage_is_collected() -> Iterator[None]:
    """What is found in it fails this test, or is ignored there, but fails no later one."""
    yield
    gc.collect()


# The sockets of answers whose head it cannot read urllib3 leaves to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("garbage_is_collected")
@pytest.mark.integration
def test_any_bytes_on_the_line_are_a_result_or_a_declared_error() -> None:
    answer = [b""]

    def talk(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer[0])

    with RawServer(talk) as server:
        client = CloudPartnerPortal(
            server.url, StaticTokens(TOKEN), read_seconds=5, cancel_seconds=5
        )

        @settings(max_examples=80)
        @given(
            st.integers(0, 1200), st.lists(RAW_HEAD, max_size=4), BODIES, st.sampled_from([*CALLS])
        )
        def is_read_or_refused(status: int, head: list[str], body: bytes, name: str) -> None:
            lines = "".join(f"{line}\r\n" for line in head).encode("utf-8", "replace")
            start = f"HTTP/1.1 {status} X\r\nConnection: close\r\n".encode()
            answer[0] = start + lines + b"\r\n" + body
            found = outcome_of(lambda: getattr(client, name)("contoso", "contoso-vm", *CALLS[name]))
            assert_in_bounds(found)

        is_read_or_refused()
        answer[0] = http_answer(200, b"[]")
        assert client.list_operations("contoso", "contoso-vm") == ()
