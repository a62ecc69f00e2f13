import json
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.errors import InvalidRequestError
from shared.http_answers import ProblemError
from shared.webhooks.events import WebhookEvent, read_event
from shared.webhooks.on_filter import MAX_NAMES, OnFilter
from shared.webhooks.secrets import Sender
from tests.payloads.deliveries import ALL, Delivery, delivery, members

PART = st.from_regex(r"\A[A-Za-z0-9_-]{1,12}\Z")
NAME = st.lists(PART, min_size=1, max_size=3).map(".".join)


def event_of(sent: Delivery) -> WebhookEvent:
    return read_event(Sender(sent.sender), sent.headers, sent.body)


@pytest.mark.parametrize("name", ALL)
def test_each_payload_is_named_as_its_file(name: str) -> None:
    """``push.json`` is ``push``; a file's name holds the whole name of its event."""
    happened = event_of(delivery(name))
    assert happened.name == name.partition("/")[2].removesuffix(".json")


@pytest.mark.parametrize(
    ("name", "on", "expected"),
    [
        ("github/release.deleted.json", "release", True),
        ("github/release.deleted.json", "release.deleted", True),
        ("github/release.deleted.json", "RELEASE.Deleted", True),
        ("github/release.deleted.json", "push, release.deleted ,", True),
        ("github/release.deleted.json", "release.published", False),
        ("github/release.deleted.json", "release.deleted.cancelled", False),
        ("github/release.deleted.json", "release.del", False),
        ("github/release.deleted.json", "releases", False),
        ("github/release.deleted.json", "deleted", False),
        ("github/workflow_run.completed.cancelled.json", "workflow_run.completed", True),
        ("github/workflow_run.completed.cancelled.json", "workflow_run.completed.failure", False),
        ("github/workflow_run.completed.cancelled.json", "workflow_run.cancelled", False),
        ("gitlab/pipeline.canceled.json", "pipeline", True),
        ("gitlab/pipeline.canceled.json", "pipeline.success", False),
        ("azure-devops/build.complete.canceled.json", "build.complete", True),
        ("azure-devops/build.complete.canceled.json", "build", False),
        ("azure-devops/build.complete.canceled.json", "build.complete.completed", False),
        (
            "azure-devops/ms.vss-release.deployment-completed-event.canceled.json",
            "ms.vss-release.deployment-completed-event",
            True,
        ),
        ("standard/release.deleted.json", "release", True),
        ("standard/release.deleted.json", "release.published", False),
    ],
)
def test_an_event_is_listed_by_its_name_or_the_whole_start_of_it(
    name: str, on: str, expected: bool
) -> None:
    assert OnFilter.parse(on).matches(event_of(delivery(name)).names) is expected


@pytest.mark.parametrize("text", [None, "", " ", ",", " , ,"])
def test_a_url_without_any_event_is_refused(text: str | None) -> None:
    with pytest.raises(ProblemError, match="on in the query is missing") as raised:
        OnFilter.parse(text)
    assert raised.value.status_code == 400


WRONG = "*|release.*|release..deleted|.release|release.|a b|a/b|rel\u00e9ase|a;b|re\nlease|ok,*"


@pytest.mark.parametrize("text", [*WRONG.split("|"), "a" * 101, ".".join("a" * 11)])
def test_a_name_that_no_event_can_have_is_refused(text: str) -> None:
    with pytest.raises(ProblemError, match=r"on in the query: name \d") as raised:
        OnFilter.parse(text)
    assert raised.value.status_code == 400


def test_so_many_names_and_no_more() -> None:
    assert OnFilter.parse(",".join(["a"] * MAX_NAMES)).matches(("a",))
    with pytest.raises(ProblemError, match="more than 20"):
        OnFilter.parse(",".join(["a"] * (MAX_NAMES + 1)))


@given(st.lists(NAME, min_size=1, max_size=MAX_NAMES), st.lists(PART, min_size=1, max_size=3))
def test_a_listed_event_matches_and_no_other(listed: list[str], parts: list[str]) -> None:
    wanted = OnFilter.parse(" , ".join(listed))
    body = f'{{"type": "{".".join(parts)}"}}'.encode()
    happened = read_event(Sender.STANDARD, {"webhook-id": "1"}, body)
    starts = {".".join(parts[: count + 1]).lower() for count in range(len(parts))}
    assert wanted.matches(happened.names) == bool(starts & {name.lower() for name in listed})


@given(NAME, NAME)
def test_more_names_never_match_less(first: str, second: str) -> None:
    assume(first.lower() != second.lower())
    one, both = OnFilter.parse(first), OnFilter.parse(f"{first},{second}")
    for names in ((first.lower(),), (second.lower(),), ("other", first.lower())):
        assert both.matches(names) or not one.matches(names)
    assert both.matches((second.lower(),))
    assert not one.matches((second.lower(),))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)
READ = ("action", "release", "object_kind", "object_attributes", "status", "eventType", "resource")
PAYLOAD = st.dictionaries(
    st.sampled_from([*READ, "type", "subscriptionId", "notificationId", "build_status"]),
    JSON | st.dictionaries(st.sampled_from(["conclusion", "result", "status", "run"]), JSON),
)


@given(st.sampled_from(Sender), PAYLOAD)
def test_whatever_a_payload_holds_it_has_names_or_none(
    sender: Sender, payload: dict[str, object]
) -> None:
    body = json.dumps(payload).encode("utf-8", "replace")
    happened = read_event(sender, {"x-github-event": "release"}, body)
    assert all(happened.names)
    assert all(longer.startswith(f"{name}.") for name, longer in pairwise(happened.names))


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"x"', b"{", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        read_event(Sender.GITHUB, {}, body)


@pytest.mark.parametrize("name", ALL)
def test_a_delivery_has_the_key_that_its_sender_documents(name: str) -> None:
    sent = delivery(name)
    body, headers = members(sent.body), sent.headers
    expected = {
        "github": lambda: headers["x-github-delivery"],
        "gitlab": lambda: headers["idempotency-key"],
        "azure-devops": lambda: f"{body['subscriptionId']}/{body['notificationId']}",
        "standard": lambda: headers["webhook-id"],
    }[sent.sender]()
    assert event_of(sent).key == expected


def test_an_older_gitlab_has_the_uuid_of_the_event_for_a_key() -> None:
    sent = delivery("gitlab/release.delete.json").having(idempotency_key=None)
    assert event_of(sent).key == sent.headers["x-gitlab-event-uuid"]
    assert event_of(sent.having(x_gitlab_event_uuid=None)).key is None


@pytest.mark.parametrize(
    ("sender", "headers", "body"),
    [
        (Sender.GITHUB, {"x-github-event": "ping"}, b"{}"),
        (Sender.GITHUB, {"x-github-event": "Ping"}, b"{}"),
        (Sender.STANDARD, {}, b'{"type": "ping"}'),
        (Sender.STANDARD, {}, b'{"type": "PING"}'),
        (
            Sender.AZURE_DEVOPS,
            {},
            b'{"eventType": "build.complete", "notificationId": 1,'
            b' "subscriptionId": "00000000-0000-0000-0000-000000000000"}',
        ),
    ],
)
def test_pings_and_tests_are_told_apart(
    sender: Sender, headers: dict[str, str], body: bytes
) -> None:
    assert read_event(sender, headers, body).is_test
