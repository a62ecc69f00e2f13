"""Messages of other services: every way to write one, and every way to get it wrong."""

import base64
import hashlib
import json
import uuid
from typing import Any

import pytest

from shared.poison import MAX_RECORD_BYTES
from shared.queues import MAX_MESSAGE_BYTES
from tests.integration.crashes import Fate
from tests.integration.parts import policy
from tests.integration.stage import PUBLISHER, REQUESTER, Stage

pytestmark = pytest.mark.integration

MARK = "\ufeff"
BAD_PUBLISHERS = [
    "",
    ".",
    "..",
    ".contoso",
    "contoso/..",
    "../contoso",
    "a/b",
    "a\\b",
    "a%2Fb",
    "a$b",
    "a?b",
    "a#b",
    "a b",
    "a\nb",
    "contoso\n",
    "c\u00f6ntoso",
    "\uff43ontoso",
    "x" * 51,
    "a\x00b",
    "a\uffffb",
    "a@b",
    "a:b",
]
BAD_OFFERS = ["", "Upper", "-a", "_a", "a.b", "a/b", "..", "a\n", "a b", "\u0430", "x" * 51, "a:b"]
BAD_VALUES: dict[str, list[Any]] = {
    "publisherId": [None, 5, ["contoso"], {"a": 1}],
    "offerId": [None, 5, ["a"]],
    "requestId": ["", "1", 7, "g" * 36, f"{{{uuid.UUID(int=1)}}}", "../x"],
    "operationId": ["", "running", 7, "408a4835-0000-1000-0000-00000000000"],
    "requestedAt": ["", "now", 5, "2026-01-01T00:00:00", "2026-13-01"],
    "reason": [5, ["a"], "x" * 501],
    "metadata": ["a@contoso.com", 5, []],
}
BAD_EMAILS: list[Any] = [5, ["a@contoso.com"], {"a": 1}]
BAD_MEMBERS = [
    *({name: value} for name, values in BAD_VALUES.items() for value in values),
    *({"metadata": {"notification-emails": value}} for value in BAD_EMAILS),
]
NOT_JSON = [
    " ",
    "cancel contoso/offer",
    "[]",
    "null",
    '"text"',
    "{",
    '{"publisherId": "contoso"',
    "{'publisherId': 'contoso'}",
    "{}{}",
    "\u00fc\u00fc",
    base64.b64encode(b"\xff\xfe{}").decode(),
    base64.b64encode(b"not json").decode(),
    base64.b64encode(base64.b64encode(b"{}")).decode(),
    '{"a":' * 5000 + "1" + "}" * 5000,
    "[" * 30000,
]


def poisoned(stage: Stage, text: str) -> str:
    """Deliver a message that no retry can mend, and return what the record says is wrong."""
    stage.requests.adapter.put(text)
    stage.submit()
    record = stage.poison(stage.requests_poison)
    assert (record.version, record.message, record.dequeue_count) == (1, text, 1)
    assert record.inserted_at == stage.time()
    assert stage.requests.kept == stage.pending.kept == []
    assert stage.calls() == []
    return record.reason


def message(stage: Stage, **members: Any) -> dict[str, Any]:
    return {"publisherId": PUBLISHER, "offerId": stage.offer, **members}


@pytest.mark.parametrize(
    "encoded",
    [
        lambda text: text,
        lambda text: MARK + text,
        lambda text: f"\n {text} \r\n",
        lambda text: base64.b64encode(text.encode()).decode(),
        lambda text: base64.b64encode((MARK + text).encode()).decode(),
        lambda text: MARK + base64.b64encode(text.encode()).decode() + "\n",
    ],
    ids=[
        "plain",
        "plain-with-mark",
        "plain-in-space",
        "base64",
        "mark-in-base64",
        "mark-on-base64",
    ],
)
def test_a_message_is_read_plain_and_in_base64(stage: Stage, encoded: Any) -> None:
    stage.given("cancels-after-202")
    request_id = str(uuid.uuid4())
    text = json.dumps(message(stage, requestId=request_id, reason="\u00fc"), ensure_ascii=False)
    stage.requests.adapter.put(encoded(text))
    stage.submit()
    assert stage.row(request_id).reason == "\u00fc"
    assert len(stage.posts) == 1


def test_the_least_a_message_needs_is_publisher_and_offer(stage: Stage) -> None:
    stage.given("cancels-after-202")
    stage.requests.adapter.put(json.dumps(message(stage)))
    taken = stage.submit()
    row = stage.row(taken.id)
    assert (row.request_id, row.source, row.emails) == (taken.id, "queue", ())
    assert row.requested_at == taken.inserted_at
    assert len(stage.posts) == 1


@pytest.mark.parametrize(
    "members",
    [
        {"metadata": None, "operationId": None, "reason": None, "requestId": None},
        {"metadata": {}},
        {"metadata": {"notification-emails": None}},
        {"metadata": {"notification-emails": ""}},
        {"unknown": {"deep": [1, 2]}, "publisherid": 5},
        {"outcome": {"name": "canceled"}, "targetOperationId": "x", "postSentAt": "yesterday"},
    ],
)
def test_what_is_absent_empty_or_unknown_does_not_matter(
    stage: Stage, members: dict[str, Any]
) -> None:
    stage.given("cancels-after-202")
    stage.requests.adapter.put(json.dumps(message(stage, **members)))
    stage.submit()
    assert len(stage.posts) == 1


@pytest.mark.parametrize("publisher", BAD_PUBLISHERS)
def test_a_bad_publisher_is_poison(stage: Stage, publisher: str) -> None:
    assert "$.publisherId" in poisoned(stage, json.dumps(message(stage, publisherId=publisher)))


@pytest.mark.parametrize("offer", BAD_OFFERS)
def test_a_bad_offer_is_poison(stage: Stage, offer: str) -> None:
    assert "$.offerId" in poisoned(stage, json.dumps(message(stage, offerId=offer)))


@pytest.mark.parametrize("members", BAD_MEMBERS, ids=str)
def test_a_bad_member_is_poison_and_named(stage: Stage, members: dict[str, Any]) -> None:
    [name] = members
    reason = poisoned(stage, json.dumps(message(stage, **members)))
    assert f"$.{name}" in reason
    assert REQUESTER not in reason


@pytest.mark.parametrize("name", ["operationID", "operation-id", "OperationId"])
def test_an_operation_under_another_name_is_not_passed_over(stage: Stage, name: str) -> None:
    stage.given("cancels-after-202")
    reason = poisoned(stage, json.dumps(message(stage, **{name: str(uuid.uuid4())})))
    assert reason == f"the member `{name}` must be spelled `operationId`"


@pytest.mark.parametrize("missing", ["publisherId", "offerId"])
def test_a_missing_member_is_poison_and_named(stage: Stage, missing: str) -> None:
    members = message(stage)
    del members[missing]
    assert missing in poisoned(stage, json.dumps(members))


@pytest.mark.parametrize("text", NOT_JSON, ids=lambda text: repr(text[:20]))
def test_what_is_no_json_object_is_poison(stage: Stage, text: str) -> None:
    assert poisoned(stage, text)


def test_a_publisher_that_is_not_served_is_poison(stage: Stage) -> None:
    stage.given("cancels-after-202")
    stage.ask(publisherId="Fabrikam")
    contoso_only = policy(allowed_publishers=frozenset({"contoso"}))
    stage.submit(policy=contoso_only)
    assert "Fabrikam is not served" in stage.poison(stage.requests_poison).reason
    stage.ask(publisherId="ConToso")
    stage.submit(policy=contoso_only)
    assert len(stage.posts) == 1


def test_a_message_of_64_kib_is_read(stage: Stage) -> None:
    stage.given("cancels-after-202")
    members = message(stage, reason="\u00fc" * 500)
    members["padding"] = "x" * (MAX_MESSAGE_BYTES - len(json.dumps({**members, "padding": ""})))
    stage.requests.adapter.put(json.dumps(members))
    stage.submit()
    assert len(stage.posts) == 1
    stage.submit_all()
    stage.poll()
    assert stage.requests_poison.kept == []


@pytest.mark.parametrize("character", ["x", "\u00fc", '"', "\\"])
def test_a_bad_message_of_64_kib_is_cut_to_what_a_poison_record_can_hold(
    stage: Stage, character: str
) -> None:
    text = character * (MAX_MESSAGE_BYTES // len(character.encode()))
    stage.requests.adapter.put(text)
    stage.submit()
    record = stage.poison(stage.requests_poison)
    assert record.truncated
    assert text.startswith(record.message)
    assert record.message
    assert record.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert len(stage.requests_poison.only.text) <= MAX_RECORD_BYTES


@pytest.mark.parametrize(
    ("emails", "kept", "dropped"),
    [
        ("a@contoso.com, b@contoso.com,,", ("a@contoso.com", "b@contoso.com"), 0),
        ("a@contoso.com,nobody,b@contoso", ("a@contoso.com",), 2),
        ("a@contoso.com\nBcc: evil@fabrikam.com", (), 1),
        ("a@contoso.com\r\n.\r\nMAIL FROM:<evil@fabrikam.com>", (), 1),
        ("Alice <a@contoso.com>,b@contoso.com", ("b@contoso.com",), 1),
        ("a@contoso.com;b@contoso.com", (), 1),
        ("a@contoso.com\x00,\uffff@contoso.com,\u0430@contoso.com", (), 3),
        ('"a b"@contoso.com,a@[127.0.0.1],a@localhost', (), 3),
        ("evil%fabrikam.com@contoso.com,evil!x@contoso.com", (), 2),
        ("a" * 65 + "@contoso.com,b@contoso.com", ("b@contoso.com",), 1),
        (",".join(f"a{n}@contoso.com" for n in range(60)), None, 10),
    ],
    ids=lambda value: str(value)[:30],
)
def test_odd_addresses_are_dropped_and_counted_and_do_not_stop_the_cancel(
    stage: Stage, emails: str, kept: tuple[str, ...] | None, dropped: int
) -> None:
    stage.given("cancels-at-once")
    request_id = stage.ask(metadata={"notification-emails": emails})
    stage.submit()
    row = stage.row(request_id)
    assert row.emails == (kept if kept is not None else row.emails)
    assert (row.email_count, row.dropped_emails) == (len(row.emails), dropped)
    assert stage.pending_now.notification_emails == row.emails
    assert stage.target.canceled_by_call
    stage.poll()
    if row.emails:
        assert stage.mail.recipients == row.emails
        assert ("cannot be used" in stage.mail.text) is (dropped > 0)
    else:
        assert stage.mails() == []


def test_control_characters_in_a_reason_go_through_every_queue_and_mail(stage: Stage) -> None:
    stage.given("cancels-after-202")
    reason = "a\x00b\x1b[31m\uffff\ud83d\ude00<script>\r\nBcc: evil@fabrikam.com"
    request_id = stage.ask(reason=reason)
    stage.play_out(request_id)
    assert stage.row(request_id).reason.startswith("a")
    assert stage.mail.recipients == (REQUESTER,)
    assert stage.mail.message["Bcc"] is None
    assert "\x1b" not in stage.mail.text


def test_poison_comes_before_the_message_is_gone(stage: Stage) -> None:
    stage.requests.adapter.put("nonsense")
    stage.submit_and_die(Fate(0, after=True))
    assert len(stage.requests_poison.kept) == 1
    stage.submit_all()
    assert [record["message"] for record in stage.requests_poison.members] == ["nonsense"] * 2


def test_a_message_delivered_often_says_so_in_its_poison_record(stage: Stage) -> None:
    stage.requests.adapter.put("nonsense")
    stage.submit_and_die(Fate(0))
    stage.submit_all()
    assert stage.poison(stage.requests_poison).dequeue_count == 2
