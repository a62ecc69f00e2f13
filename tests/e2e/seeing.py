"""How the tests see what became of a request: its events, its mails, its row, poison."""

import json
import time
from collections.abc import Callable
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableClient

from devstack.events import Event
from devstack.mailbox import ReceivedMail
from devstack.stack import Stack
from shared.ledger import TABLE
from shared.queues import CANCEL_REQUESTS, POISON_SUFFIX
from tests.e2e.asking import queue_of

# Deadlines only end a test that has failed: this machine may be busy with other things.
DEADLINE_SECONDS = 240.0
_LOOK_SECONDS = 0.1
_MOST = 32

type Row = dict[str, Any]


def eventually[T](probe: Callable[[], T | None], what: str) -> T:
    """The probe's first truthy value."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (value := probe()):
        assert time.monotonic() < deadline, f"this did not come true in time: {what}"
        time.sleep(_LOOK_SECONDS)
    return value


def event_of(stack: Stack, request_id: str, name: str, *, after: int = 0) -> Event:
    """The first event of that name about the request, be it past or to come."""
    return stack.events.wait_for(
        lambda event: event.name == name and event.request_id == request_id,
        DEADLINE_SECONDS,
        after=after,
    )


def mails_about(stack: Stack, request_id: str) -> list[ReceivedMail]:
    """Every mail about a request so far, that it is not yet canceled among them."""
    return [
        mail
        for mail in stack.mailbox.mails()
        if mail.message["X-Offer-Cancel-Request"] == request_id
    ]


def outcomes_mailed(stack: Stack, request_id: str) -> list[str]:
    """The outcomes mailed for a request so far."""
    outcomes = [
        str(mail.message["X-Offer-Cancel-Outcome"]) for mail in mails_about(stack, request_id)
    ]
    return [outcome for outcome in outcomes if outcome != "not-yet-canceled"]


def outcome_mail(stack: Stack, request_id: str) -> ReceivedMail:
    """The mail with the outcome of a request, as soon as it was sent."""
    event_of(stack, request_id, "mail-sent")
    mails = mails_about(stack, request_id)
    return next(m for m in mails if m.message["X-Offer-Cancel-Outcome"] != "not-yet-canceled")


def outcome_of(stack: Stack, request_id: str) -> str:
    """The outcome that was mailed."""
    return str(outcome_mail(stack, request_id).message["X-Offer-Cancel-Outcome"])


def rows(stack: Stack) -> list[Row]:
    """The row of every request, JSON members decoded."""
    table = TableClient.from_connection_string(
        stack.storage.connection_string, TABLE, use_env_settings=False
    )
    with table:
        try:
            found = [_decoded(dict(entity)) for entity in table.list_entities()]
        except ResourceNotFoundError:
            return []
    return [row for row in found if "requestId" in row]


def rows_of_offer(stack: Stack, offer: str) -> list[Row]:
    return [row for row in rows(stack) if row["offerId"] == offer]


def row_of(stack: Stack, request_id: str) -> Row:
    """The row of a request, which must be there."""
    [row] = [row for row in rows(stack) if row["requestId"] == request_id]
    return row


def _decoded(row: Row) -> Row:
    return {
        name: json.loads(value)
        if isinstance(value, str) and value.startswith(("[", "{"))
        else value
        for name, value in row.items()
    }


def pending_message(stack: Stack, request_id: str) -> str:
    """What is on ``pending-cancellations`` for a request, by its row: hidden there until due."""
    row = row_of(stack, request_id)
    times = {name: row[name].isoformat() for name in ("requestedAt", "postSentAt")}
    members = ("requestId", "publisherId", "offerId", "targetOperationId", "location")
    emails = {"notificationEmails": row["emails"], "version": 1}
    return json.dumps({**{name: row[name] for name in members}, **times, **emails})


def texts_on(stack: Stack, queue: str) -> list[str]:
    """The texts of the visible messages of a queue, left where they are."""
    with queue_of(stack, queue) as client:
        return [str(message.content) for message in client.peek_messages(_MOST)]


def count_on(stack: Stack, queue: str) -> int:
    """How many messages a queue has, the hidden ones among them."""
    with queue_of(stack, queue) as client:
        return int(client.get_queue_properties().approximate_message_count or 0)


class PoisonRecords:
    """The poison records of a stack's ``cancel-requests``, taken off the queue as they are seen."""

    def __init__(self, stack: Stack) -> None:
        """Start with none."""
        self._stack = stack
        self._seen: list[tuple[dict[str, Any], int]] = []

    def of(self, text: str) -> tuple[dict[str, Any], int]:
        """The record of a message with that text, or a start of it, and the year it expires."""
        return eventually(lambda: self._find(text), f"a poison record of {text[:80]!r}")

    def _find(self, text: str) -> tuple[dict[str, Any], int] | None:
        with queue_of(self._stack, CANCEL_REQUESTS + POISON_SUFFIX) as client:
            for message in client.receive_messages():
                record = json.loads(message.content)
                assert message.expires_on
                self._seen.append((record, message.expires_on.year))
                client.delete_message(message)
        return next((seen for seen in self._seen if _is_of(seen[0], text)), None)


def _is_of(record: dict[str, Any], text: str) -> bool:
    kept = record["message"]
    return bool(kept) and (text.startswith(kept) if record.get("truncated") else text == kept)
