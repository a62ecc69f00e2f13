"""Hands a request over to polling: its message first, then its row says so.

In this order, since a row that says so without a message would be a request that nobody follows;
the other way round a crash leaves a second message, which the row makes harmless.
"""

from datetime import datetime
from typing import Any

from msgspec.structs import replace

from shared.ledger import Ledger, note
from shared.models import Outcome, to_json
from shared.queues import Queue
from shared.record import CancellationRecord, State, pending_message
from shared.telemetry import event, seconds_between


def hand_over(
    ledger: Ledger,
    pending: Queue,
    record: CancellationRecord,
    now: datetime,
    *,
    delay_seconds: float = 0,
    outcome: Outcome | None = None,
    changes: dict[str, Any] | None = None,
) -> None:
    """Put the request on ``pending-cancellations``, with its outcome if it has one.

    Args:
        ledger: Where the row is.
        pending: The queue ``pending-cancellations``.
        record: The row as last read.
        now: The time now.
        delay_seconds: When to look at it first; an outcome is mailed at once.
        outcome: How the request ended, unless the row knows an earlier outcome.
        changes: Fields of the row that change with it.
    """
    ended = record.outcome or outcome
    fields = changes or {}
    message = pending_message(replace(record, outcome=ended, **fields))
    pending.put(to_json(replace(message, followed_since=now)), delay_seconds)
    if ended is not None:
        tell_outcome(record.request_id, record.requested_at, ended)

    note(ledger, record, lambda current: _handed_over(current, ended, fields, now))


def end_without_call(
    ledger: Ledger,
    record: CancellationRecord,
    outcome: Outcome,
    now: datetime,
    changes: dict[str, Any] | None = None,
) -> CancellationRecord:
    """Write the end of a request for which no cancel call was sent, to be handed over then.

    Against the version that was read: another worker may be about to send the call, and of the two
    only one can write. A crash before the message is put is mended by the request's own message.

    Raises:
        RowConflictError: Somebody else has written the row.
    """
    return ledger.replace(
        record.with_step(
            now,
            "outcome-found",
            outcome.name,
            outcome=outcome,
            state=State.ENDED,
            **(changes or {}),
        )
    )


def _handed_over(
    current: CancellationRecord, ended: Outcome | None, fields: dict[str, Any], now: datetime
) -> CancellationRecord:
    if current.outcome is not None and not current.pending_queued:
        return replace(current, pending_queued=True, last_step_at=now)
    kept = current.outcome or ended
    step = ("outcome-found", kept.name) if kept else ("cancellation-pending", _whose_call(fields))
    if current.mail_at is not None:  # the mail of its outcome may be out, and says what it says
        return current.with_step(now, *step)
    return current.with_step(
        now,
        *step,
        outcome=kept,
        state=State.ENDED if kept else State.PENDING,
        pending_queued=True,
        **fields,
    )


def _whose_call(fields: dict[str, Any]) -> str:
    other = fields.get("joined_request_id")
    return f"by the cancel call of request {other}" if other else ""


def unread(record: CancellationRecord) -> dict[str, Any]:
    """The fields that change where a request ends without another look.

    Of what appeared around its cancel call nobody knows whether it was canceled as well.
    """
    return {"newer_operations": None} if record.newer_operations else {}


def tell_outcome(request_id: str, requested_at: datetime, outcome: Outcome) -> None:
    """Write the event that a request's end was found, and how long after it was asked for."""
    event(
        "outcome-found",
        request_id=request_id,
        outcome=outcome.name,
        secondsFromRequest=seconds_between(requested_at, outcome.at),
        secondsFromEnd=seconds_between(outcome.ended_at, outcome.at),
        operationState=outcome.operation_state,
        code=outcome.code,
        detail=outcome.message,
    )
