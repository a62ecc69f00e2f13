"""Who sends the cancel call where several requests mean the same operation: one, for all of them.

The oldest sends it. The others wait for that, briefly, and then join: they are followed with its
call as theirs, each to a mail of its own. A second call would do the operation no harm, so nobody
waits for a request that stands still.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.models import Operation
from shared.record import CANCEL_SENT, CancellationRecord, State

WAIT = timedelta(seconds=15)
_PATIENCE = timedelta(minutes=1)


@dataclass(frozen=True)
class Join:
    """The other's cancel call was taken, and was meant for the same operation."""

    other: CancellationRecord


@dataclass(frozen=True)
class Wait:
    """The other was there first, and is about to send the cancel call."""

    other: CancellationRecord


@dataclass(frozen=True)
class LetTwin:
    """Another worker has a twin of this message, and is sending the request's own call."""


type Turn = Join | Wait | LetTwin


def turn_of(
    record: CancellationRecord,
    target: Operation | None,
    others: Iterable[CancellationRecord],
    now: datetime,
) -> Turn | None:
    """What a request does that might send a cancel call now; None if it sends it.

    Args:
        record: The request. One whose own call may have arrived goes on with that.
        target: The operation that is meant; where nobody can name it, nobody can share a call.
        others: The other open requests of the offer, as they were before the look.
        now: The time now.
    """
    if _is_sending(record, now):
        return LetTwin()
    if target is None or record.post_sent_at is not None:
        return None
    alike = [other for other in others if other.subject_id in (None, target.id)]
    taken = [
        other
        for other in alike
        if other.pending_queued and other.post_confirmed_at and other.target_operation_id
    ]
    if taken:
        return Join(min(taken, key=_age))
    ahead = [other for other in alike if _is_ahead(other, record, now)]
    return Wait(min(ahead, key=_age)) if ahead else None


def joined(other: CancellationRecord) -> dict[str, Any]:
    """The fields of a row that joins: the cancel call, and what it has hit, are the other's."""
    return {
        "joined_request_id": other.request_id,
        "target_operation_id": other.target_operation_id,
        "post_sent_at": other.post_sent_at,
        "post_confirmed_at": other.post_confirmed_at,
        "location": other.location,
        "newer_operations": other.newer_operations,
        "also_canceled": other.also_canceled,
        "last_state": other.last_state,
        "last_state_at": other.last_state_at,
    }


def _age(record: CancellationRecord) -> tuple[datetime, str]:
    return record.created_at, record.request_id


def _is_sending(record: CancellationRecord, now: datetime) -> bool:
    """Whether a call was sent within the last minute of which nothing is known yet."""
    last = record.history[-1] if record.history else None
    return last is not None and last.step == CANCEL_SENT and now - last.at < _PATIENCE


def _is_ahead(other: CancellationRecord, record: CancellationRecord, now: datetime) -> bool:
    """Whether the other is about to send its call, and does not itself wait for this one."""
    is_being_submitted = other.state in (State.ACCEPTED, State.SUBMITTING)
    stands_still = now - other.last_step_at >= _PATIENCE
    goes_first = other.post_sent_at is not None or _age(other) < _age(record)
    return is_being_submitted and not other.pending_queued and not stands_still and goes_first
