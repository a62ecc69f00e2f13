"""The queue as another service uses it: with the Storage SDK, in whatever encoding it likes."""

import hashlib
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.queue import BinaryBase64EncodePolicy, QueueClient, TextBase64EncodePolicy

from devstack.stack import DEFAULT_RECIPIENT, Stack
from shared.queues import CANCEL_REQUESTS, POISON_SUFFIX
from tests.e2e.asking import ANA, BOB, PUBLISHER, enqueue, message_for
from tests.e2e.bad_messages import BAD_MESSAGES, MAX_MESSAGE_BYTES
from tests.e2e.clean_logs import REASON
from tests.e2e.seeing import (
    PoisonRecords,
    count_on,
    event_of,
    eventually,
    outcome_mail,
    outcome_of,
    row_of,
)

pytestmark = pytest.mark.integration

BOM = "\ufeff"


def running(stack: Stack, offer: str, **members: object) -> str:
    """Start a publish that can be canceled at once; returns the message that asks for it."""
    stack.partner_center.create_offer(PUBLISHER, offer, "cancels-at-once")
    return message_for(offer, **members)


def with_policy(
    stack: Stack,
    content: str | bytes,
    policy: TextBase64EncodePolicy | BinaryBase64EncodePolicy,
) -> str:
    """Put a message on the queue by one of the Storage SDK's own ways to encode."""
    client = QueueClient.from_connection_string(
        stack.storage.connection_string,
        CANCEL_REQUESTS,
        use_env_settings=False,
        message_encode_policy=policy,
    )
    with client:
        return str(client.send_message(content).id)


ENCODINGS: dict[str, Callable[[Stack, str], str]] = {
    "plain": enqueue,
    "plain-with-line-breaks": lambda stack, text: enqueue(stack, text.replace(", ", ",\r\n  ")),
    "plain-with-blank-lines": lambda stack, text: enqueue(stack, f"\n  {text}\r\n"),
    "plain-with-bom": lambda stack, text: enqueue(stack, BOM + text),
    "base64": lambda stack, text: with_policy(stack, text, TextBase64EncodePolicy()),
    "base64-of-bytes": lambda stack, text: with_policy(
        stack, text.encode(), BinaryBase64EncodePolicy()
    ),
    "base64-with-bom": lambda stack, text: with_policy(stack, BOM + text, TextBase64EncodePolicy()),
}
NAMES_NOBODY: dict[str, object] = {
    "no-metadata": None,
    "no-addresses": {},
    "null-for-addresses": {"notification-emails": None},
    "empty-addresses": {"notification-emails": ""},
    "only-commas": {"notification-emails": " , ,"},
}
GOOD_MEMBERS: dict[str, dict[str, object]] = {
    "unknown-members": {"priority": [1, {"a": None}], "source": "pipeline"},
    "a-high-attempt": {"attempt": 999, "lastError": "none of ours"},
    "a-negative-attempt": {"attempt": -1},
    "nulls": {"operationId": None, "reason": None, "requestId": None, "requestedAt": None},
    "publisher-in-capitals": {"publisherId": "CONTOSO"},
    "odd-characters": {"reason": "a\x00b\x1bc\uffffd\ud83d\ude80"},
}


@pytest.fixture(scope="module")
def sent_together(stack: Stack) -> dict[str, str]:
    """Every bad message between good ones, sent at once; the ids by name."""
    ids = {}
    for name, (text, _) in BAD_MESSAGES.items():
        ids[name] = enqueue(stack, text)
    for name, encoded in ENCODINGS.items():
        text = running(stack, f"good-{name}", reason="Größe über Maß")
        ids[name] = encoded(stack, json.dumps(json.loads(text), ensure_ascii=False))
    for name, members in GOOD_MEMBERS.items():
        ids[name] = enqueue(stack, running(stack, f"good-{name}", **members))
    for name, metadata in NAMES_NOBODY.items():
        ids[name] = enqueue(stack, running(stack, f"good-{name}", metadata=metadata))
    return ids


@pytest.mark.parametrize("name", BAD_MESSAGES)
def test_a_message_that_no_retry_can_mend_is_poison_at_once(
    sent_together: dict[str, str], poison: PoisonRecords, name: str
) -> None:
    text, reason = BAD_MESSAGES[name]
    record, expires = poison.of(text)
    assert record["version"] == 1
    assert reason in record["reason"]
    assert record["dequeueCount"] == 1
    assert record["requestId"] == sent_together[name]
    inserted_at = datetime.fromisoformat(record["insertedAt"])
    assert datetime.now(UTC) - inserted_at < timedelta(hours=1)
    assert record["requestedAt"] == record["insertedAt"]
    assert expires == 9999


def test_a_message_too_long_to_be_kept_whole_is_cut_and_can_be_told_by_its_hash(
    sent_together: dict[str, str], poison: PoisonRecords
) -> None:
    text, _ = BAD_MESSAGES["as-long-as-can-be"]
    assert len(text) == MAX_MESSAGE_BYTES
    record, _ = poison.of(text)
    assert record["truncated"] is True
    assert record["sha256"] == hashlib.sha256(text.encode()).hexdigest()


def test_what_a_bad_message_says_of_itself_is_in_its_record(
    stack: Stack, poison: PoisonRecords
) -> None:
    request_id = str(uuid.uuid4())
    asked_at = datetime.now(UTC) - timedelta(minutes=7)
    text = message_for("Capitals", requestId=request_id, requestedAt=asked_at.isoformat())
    enqueue(stack, text)
    record, _ = poison.of(text)
    assert record["requestId"] == request_id
    assert datetime.fromisoformat(record["requestedAt"]) == asked_at


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_message_is_read_in_whatever_encoding_it_comes(
    stack: Stack, sent_together: dict[str, str], encoding: str
) -> None:
    mail = outcome_mail(stack, sent_together[encoding])
    assert mail.message["X-Offer-Cancel-Outcome"] == "canceled"
    assert "Größe über Maß" in mail.text


def test_what_a_message_says_of_itself_is_kept(stack: Stack) -> None:
    request_id, asked_at = str(uuid.uuid4()), datetime.now(UTC) - timedelta(seconds=30)
    text = running(
        stack,
        "says-of-itself",
        requestId=request_id.upper(),
        requestedAt=asked_at.isoformat(),
        reason=REASON,
    )
    enqueue(stack, text)
    assert REASON in outcome_mail(stack, request_id).text
    row = row_of(stack, request_id)
    assert abs(row["requestedAt"] - asked_at) < timedelta(milliseconds=1)
    assert (row["source"], row["reason"], row["publisherId"]) == ("queue", REASON, PUBLISHER)


def test_a_message_without_id_is_known_by_the_id_of_the_message(stack: Stack) -> None:
    before = datetime.now(UTC)
    request_id = enqueue(stack, running(stack, "says-nothing"))
    assert outcome_of(stack, request_id) == "canceled"
    # Times of the queue are in whole seconds.
    assert row_of(stack, request_id)["requestedAt"] >= before - timedelta(seconds=1)


def test_a_request_is_not_made_later_than_it_was_put_on_the_queue(stack: Stack) -> None:
    text = running(stack, "made-tomorrow", requestedAt="2100-01-01T00:00:00Z")
    request_id = enqueue(stack, text)
    assert outcome_of(stack, request_id) == "canceled"
    assert row_of(stack, request_id)["requestedAt"] <= datetime.now(UTC)


@pytest.mark.parametrize("name", GOOD_MEMBERS)
def test_a_message_is_good_with(stack: Stack, sent_together: dict[str, str], name: str) -> None:
    assert outcome_of(stack, sent_together[name]) == "canceled"


@pytest.mark.parametrize("name", NAMES_NOBODY)
def test_who_names_nobody_is_answered_for_by_the_default_recipients(
    stack: Stack, sent_together: dict[str, str], name: str
) -> None:
    assert outcome_mail(stack, sent_together[name]).recipients == (DEFAULT_RECIPIENT,)


def test_bad_addresses_are_dropped_and_counted_and_stop_no_cancel(stack: Stack) -> None:
    emails = f"{ANA}, not an address,{BOB}\r\nBcc: eve@example.com, {BOB}, x@@example.com"
    text = running(stack, "bad-addresses", metadata={"notification-emails": emails})
    request_id = enqueue(stack, text)
    mail = outcome_mail(stack, request_id)
    assert mail.message["X-Offer-Cancel-Outcome"] == "canceled"
    assert mail.recipients == (ANA, BOB)
    assert mail.message["Bcc"] is None
    assert "3 addresses of the request that cannot be used" in mail.text
    row = row_of(stack, request_id)
    assert (row["droppedEmails"], row["emailCount"]) == (3, 2)


def test_no_mail_goes_to_a_domain_that_is_not_allowed(stack: Stack) -> None:
    emails = f"{ANA},eve@elsewhere.example"
    text = running(stack, "foreign-domain", metadata={"notification-emails": emails})
    mail = outcome_mail(stack, enqueue(stack, text))
    assert mail.recipients == (ANA,)
    assert "1 address of the request that cannot be used" in mail.text


def test_the_row_keeps_addresses_only_until_the_mail_is_sent(stack: Stack) -> None:
    request_id = enqueue(stack, running(stack, "addresses-go"))
    event_of(stack, request_id, "mail-sent")
    row = eventually(
        lambda: (found := row_of(stack, request_id))["mail"] == "sent" and found, "mail is sent"
    )
    assert (row["emails"], row["emailCount"]) == ([], 2)


def test_who_asked_by_a_message_that_is_poison_is_told_to_look_themselves(
    breakable: Stack,
) -> None:
    request_id = enqueue(breakable, message_for("some-vm", publisherId="northwind"))
    event_of(breakable, request_id, "message-poisoned")
    breakable.host.restart()  # it looks for poison as soon as it is up, then once a minute
    mail = outcome_mail(breakable, request_id)
    assert mail.message["X-Offer-Cancel-Outcome"] == "unconfirmed"
    assert mail.recipients == (ANA, BOB)
    assert "ALLOWED_PUBLISHERS" in mail.text
    assert row_of(breakable, request_id)["outcome"]["name"] == "unconfirmed"
    assert count_on(breakable, CANCEL_REQUESTS + POISON_SUFFIX)
