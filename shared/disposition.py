"""Where a cancel request goes when a look, or a cancel call, is through with it.

Either to ``pending-cancellations``, with or without its outcome, or back onto ``cancel-requests``
with a delay. Each time the message is put first and the row is written after: duplicates over
loss. Only an end for which no cancel call was sent is written into the row before, too.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from shared.backoff import backoff_seconds
from shared.case import CLOCK_TOLERANCE
from shared.handover import end_without_call, hand_over
from shared.judgment import Finish
from shared.ledger import Ledger, note
from shared.models import (
    MAX_NAMED,
    Operation,
    OperationState,
    Outcome,
    OutcomeName,
    Refusal,
    to_json,
)
from shared.queues import Queue
from shared.record import CancellationRecord, request_message
from shared.settings import PolicySettings
from shared.telemetry import event, without_secrets


class Disposition:
    """Moves a request on. Safe to share between threads."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        requests: Queue,
        pending: Queue,
        policy: PolicySettings,
        clock: Callable[[], datetime],
    ) -> None:
        """Work with these."""
        self._ledger = ledger
        self._requests = requests
        self._pending = pending
        self._policy = policy
        self._clock = clock

    def follow(
        self,
        record: CancellationRecord,
        *,
        outcome: Outcome | None = None,
        delay_seconds: float = 0,
        changes: dict[str, Any] | None = None,
    ) -> None:
        """Hand the request over to polling, which mails its outcome or finds it.

        Raises:
            RowConflictError: The request ends without a cancel call, and somebody else has
                written its row meanwhile, who may be sending one: it has to be looked at again.
        """
        now = self._clock()
        if outcome is not None and record.is_open and record.post_sent_at is None:
            record = end_without_call(self._ledger, record, outcome, now, changes)
        hand_over(
            self._ledger,
            self._pending,
            record,
            now,
            delay_seconds=delay_seconds,
            outcome=outcome,
            changes=changes,
        )

    def finish(
        self,
        record: CancellationRecord,
        finish: Finish,
        listing: tuple[Operation, ...] | None = None,
    ) -> None:
        """End the request with what a look has found, in the list among others."""
        operation = finish.operation
        target = {"target_operation_id": operation.id} if operation else {}
        changes = {
            **target,
            **seen(operation, self._clock()),
            **_beside(record, listing),
        }
        self.follow(record, outcome=finish.outcome, changes=changes)

    def reject(self, record: CancellationRecord, refusal: Refusal) -> None:
        """End the request with Partner Center's no."""
        outcome = Outcome(
            name=OutcomeName.REJECTED,
            at=self._clock(),
            operation_state=record.last_state,
            code=refusal.code or str(refusal.status_code),
            message=refusal.message,
        )
        self.follow(record, outcome=outcome, changes={"refusal": refusal})

    def is_past_ttl(self, record: CancellationRecord) -> bool:
        """Whether the request is too old for a cancel call."""
        return self._clock() - record.tried_since >= self._policy.request_ttl

    def give_up(self, record: CancellationRecord, why: str) -> None:
        """Past its time to live: expired, unless a cancel call may have been sent."""
        reason = without_secrets(why)
        expired = Outcome(name=OutcomeName.EXPIRED, at=self._clock(), message=reason)
        self.follow(
            record,
            outcome=expired if record.post_sent_at is None else None,
            changes={"last_error": reason},
        )

    def postpone(
        self,
        record: CancellationRecord,
        why: str,
        *,
        after: timedelta | None = None,
        retry_after: float | None = None,
        changes: dict[str, Any] | None = None,
    ) -> None:
        """Put the request back, unless it is past its time to live.

        Args:
            record: The row as last read.
            why: What stood in the way, as a sentence.
            after: The delay; None follows the retry schedule.
            retry_after: Seconds that Partner Center asked to wait.
            changes: Fields of the row that change with it.
        """
        if self.is_past_ttl(record):
            self.give_up(record, why)
            return
        first = self._policy.retry_first.total_seconds()
        schedule = backoff_seconds(first, record.attempt, retry_after)
        delay = after.total_seconds() if after else schedule
        self._put_back(record, without_secrets(why), delay, changes or {})

    def set_aside(self, record: CancellationRecord, attempt: int, delay: timedelta) -> None:
        """Put the request back as it is, while another worker is busy with it.

        Its row is left alone: what the other writes makes this copy a stale twin, unless it is the
        one that the other has put back just now, and has not written into the row yet.

        Args:
            record: The row as last read.
            attempt: The attempt of the message in hand.
            delay: How long to leave the other alone.
        """
        copy = request_message(replace(record, attempt=attempt))
        self._requests.put(to_json(copy), delay.total_seconds())
        event(
            "request-rescheduled",
            request_id=record.request_id,
            attempt=attempt,
            seconds=delay.total_seconds(),
            reason="another worker is sending its cancel call",
        )

    def _put_back(
        self, record: CancellationRecord, reason: str, delay: float, changes: dict[str, Any]
    ) -> None:
        attempt = record.attempt + 1
        copy = request_message(replace(record, attempt=attempt), last_error=reason)
        self._requests.put(to_json(copy), delay)
        event(
            "request-rescheduled",
            request_id=record.request_id,
            attempt=attempt,
            seconds=round(delay, 1),
            reason=reason,
        )

        def postponed(current: CancellationRecord) -> CancellationRecord:
            return current.with_step(
                self._clock(),
                "request-rescheduled",
                reason,
                attempt=max(current.attempt, attempt),
                last_error=reason,
                **changes,
            )

        note(self._ledger, record, postponed)


def _beside(record: CancellationRecord, listing: tuple[Operation, ...] | None) -> dict[str, Any]:
    """What a list tells of the publishes that a cancel call without an answer may have hit."""
    if record.post_sent_at is None or record.newer_operations is not None or listing is None:
        return {}
    since = record.post_sent_at - CLOCK_TOLERANCE
    newer = [
        operation
        for operation in listing
        if operation.id != record.target_operation_id
        and (operation.started_at is None or operation.started_at >= since)
    ]
    if not newer:
        return {"newer_operations": ()}
    hit = [o.id for o in newer if o.started_at and o.state is OperationState.CANCELED]
    return {"also_canceled": tuple(dict.fromkeys((*record.also_canceled, *hit)))[:MAX_NAMED]}


def seen(operation: Operation | None, now: datetime) -> dict[str, Any]:
    """The row's fields that tell what an operation was last seen as."""
    return {"last_state": operation.word, "last_state_at": now} if operation else {}
