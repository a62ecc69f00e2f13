"""What the client makes of each answer of Partner Center."""

import json
from typing import Any

import pytest

from shared.errors import NotSentError, RefusedError, TransientError
from shared.models import OperationState
from shared.partner_center.client import CloudPartnerPortal
from tests.integration.answered import (
    ID,
    OFFER,
    PATH,
    VERSION,
    answered,
    as_json,
    client_of,
    failure_of,
)
from tests.integration.raw_server import ScriptedHttp, http_answer

pytestmark = pytest.mark.integration

ENVELOPE = b'{"error": {"code": "Forbidden", "message": "Ask a@contoso.com"}}'
TRANSIENT = [301, 302, 303, 307, 308, 408, 409, 412, 418, 422, 429, 500, 502, 503, 504]


class CountedTokens:
    """Hands out a new token each time one is refused."""

    def __init__(self) -> None:
        self.fresh_ones = 0

    def current(self) -> str:
        return f"token-{self.fresh_ones}"

    def renewed(self, refused: str) -> str | None:
        assert refused == self.current()
        self.fresh_ones += 1
        return self.current()


READS = ["list_operations", "read_status", "read_operation", "read_location"]


@pytest.mark.parametrize("method", READS)
@pytest.mark.parametrize("status", TRANSIENT)
def test_a_read_that_fails_for_now_is_transient(method: str, status: int) -> None:
    error = failure_of(method, http_answer(status, ENVELOPE))
    assert isinstance(error, TransientError)
    assert error.status_code == status
    assert str(status) in str(error)


@pytest.mark.parametrize("method", READS)
@pytest.mark.parametrize("status", [201, 202, 204, 206])
def test_a_read_that_is_answered_with_another_success_is_transient(
    method: str, status: int
) -> None:
    assert isinstance(failure_of(method, http_answer(status, b"[]")), TransientError)


@pytest.mark.parametrize("method", READS)
def test_a_read_that_is_forbidden_is_refused_in_partner_centers_words(method: str) -> None:
    error = failure_of(method, http_answer(403, ENVELOPE))
    assert isinstance(error, RefusedError)
    assert (error.status_code, error.code) == (403, "Forbidden")
    assert str(error) == "Ask <hidden>"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"error": "no"}', b"\xff", b"7"])
def test_a_refusal_without_the_envelope_says_what_it_can(body: bytes) -> None:
    error = failure_of("list_operations", http_answer(403, body))
    assert isinstance(error, RefusedError)
    assert (error.code, "403" in str(error)) == ("", True)


@pytest.mark.parametrize("method", ["list_operations", "read_operation", "read_location"])
@pytest.mark.parametrize("status", [400, 404, 405, 410])
def test_a_path_that_is_gone_reads_as_nothing(method: str, status: int) -> None:
    assert answered(method, http_answer(status, ENVELOPE)) is None


def test_an_offer_status_that_is_not_found_means_that_there_is_no_such_offer() -> None:
    error = failure_of("read_status", http_answer(404))
    assert isinstance(error, RefusedError)
    assert str(error) == "there is no such offer"
    for status in (400, 405, 410):
        assert isinstance(failure_of("read_status", http_answer(status)), TransientError)


@pytest.mark.parametrize("method", READS)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Sign in</html>",
        b"null",
        b"7",
        b'"running"',
        b"[" * 100_000,
        b"\xff\xfe",
        b'{"a',
    ],
    ids=lambda body: repr(body[:12]),
)
def test_a_read_that_cannot_be_read_is_transient(method: str, body: bytes) -> None:
    assert isinstance(failure_of(method, http_answer(200, body)), TransientError)


@pytest.mark.parametrize(
    "operation",
    [
        {"id": ID, "submissionState": "running"},
        {"id": ID.upper(), "status": "Running"},
        {"id": ID, "status": "", "submissionState": "in_progress", "version": 636576975611768314},
    ],
)
def test_a_list_is_read_in_all_its_forms(operation: dict[str, Any]) -> None:
    [found] = answered("list_operations", http_answer(200, as_json([operation])))
    assert (found.id, found.state) == (ID, OperationState.ACTIVE)


def test_a_single_operation_is_read_as_an_object_and_in_an_array() -> None:
    operation = {"status": "canceled"}
    for body in (operation, [operation], [{"id": "another", "status": "running"}, operation][1:]):
        found = answered("read_operation", http_answer(200, as_json(body)))
        assert (found.id, found.state) == (ID, OperationState.CANCELED)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_every_success_of_a_cancel_call_is_taken(status: int) -> None:
    answer = answered("cancel", http_answer(status, Location=PATH + VERSION))
    assert (answer.status_code, answer.location) == (status, PATH + VERSION)


@pytest.mark.parametrize("status", [400, 403, 404, 409, 412, 422])
def test_a_cancel_call_that_is_refused_is_refused_in_partner_centers_words(status: int) -> None:
    error = failure_of("cancel", http_answer(status, ENVELOPE))
    assert isinstance(error, RefusedError)
    assert (error.status_code, error.code, str(error)) == (status, "Forbidden", "Ask <hidden>")


@pytest.mark.parametrize("status", [301, 302, 307, 308, 405, 408, 410, 418, 500, 502, 503, 504])
def test_a_cancel_call_with_any_other_answer_may_have_been_carried_out(status: int) -> None:
    error = failure_of("cancel", http_answer(status, ENVELOPE))
    assert type(error) is TransientError
    assert error.status_code == status


@pytest.mark.parametrize("status", [401, 429])
def test_a_cancel_call_that_was_turned_away_was_not_carried_out(status: int) -> None:
    error = failure_of("cancel", http_answer(status, ENVELOPE))
    assert type(error) is NotSentError
    assert error.status_code == status


@pytest.mark.parametrize("method", [*READS, "cancel"])
def test_a_token_that_is_refused_is_renewed_once(method: str) -> None:
    tokens = CountedTokens()
    with ScriptedHttp(http_answer(401)) as server:
        client = CloudPartnerPortal(server.url, tokens)
        more = {"read_operation": (ID,), "read_location": (PATH,), "cancel": ("",)}
        with pytest.raises(TransientError):
            getattr(client, method)(*OFFER, *more.get(method, ()))
        sent = [request.split(b"Authorization: ")[1][:14] for request in server.requests]
    assert sent == [b"Bearer token-0", b"Bearer token-1"]
    assert tokens.fresh_ones == 1


def test_a_fresh_token_is_used_for_the_same_call() -> None:
    found = answered("list_operations", http_answer(401), http_answer(200, b"[]"))
    assert found == ()


def test_if_match_is_sent_once_where_a_400_asks_for_it() -> None:
    asks = http_answer(400, b'{"error": {"code": "x", "message": "The IF-MATCH header"}}')
    with ScriptedHttp(asks, http_answer(202)) as server:
        assert client_of(server).cancel(*OFFER, "").status_code == 202
        assert [b"If-Match: *" in request for request in server.requests] == [False, True]
    with ScriptedHttp(asks) as server:
        with pytest.raises(RefusedError):
            client_of(server).cancel(*OFFER, "")
        assert len(server.requests) == 2


def test_a_call_says_who_asks_and_for_what_and_nothing_more() -> None:
    with ScriptedHttp(http_answer(202)) as server:
        client_of(server).cancel("Con.toso", "a_b-c", "a@contoso.com")
        [request] = server.requests
    head, _, body = request.decode().partition("\r\n\r\n")
    first, *headers = head.split("\r\n")
    assert first == f"POST /api/publishers/Con.toso/offers/a_b-c/cancel{VERSION} HTTP/1.1"
    assert json.loads(body) == {"metadata": {"notification-emails": "a@contoso.com"}}
    named = {line.split(": ")[0].lower(): line.split(": ")[1] for line in headers}
    assert named["authorization"] == "Bearer token"
    assert named["content-type"] == named["accept"] == "application/json"
    assert named["accept-encoding"] == "identity"
    assert not {"if-match", "cookie"} & named.keys()
