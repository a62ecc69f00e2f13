"""Takes a request back whose cancel call has not been sent."""

import contextlib
from collections.abc import Callable
from datetime import datetime

from shared.callers import ANYBODY, Callers
from shared.errors import RowConflictError, StorageUnavailableError
from shared.handover import end_without_call, hand_over
from shared.http_answers import HttpAnswer, ProblemError, unavailable
from shared.ledger import Ledger
from shared.models import Outcome, OutcomeName
from shared.queues import Queue
from shared.record import CancellationRecord
from shared.request_status import StatusCall, find_request, status_answer
from shared.telemetry import event
from shared.tracing import working_on

_MAX_CONFLICTS = 5


class Withdrawal:
    """Withdraws requests. Safe to share between threads."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        pending: Queue,
        clock: Callable[[], datetime],
        callers: Callers = ANYBODY,
    ) -> None:
        """Work with these."""
        self._callers = callers
        self._ledger = ledger
        self._pending = pending
        self._clock = clock

    def withdraw(self, call: StatusCall) -> HttpAnswer:
        """End the request as withdrawn; once more does no harm.

        Raises:
            ProblemError: 409 when the cancel call may have been sent, or the request has ended
                otherwise; 404 for one that is not known; 503 when nothing can be promised.
        """
        try:
            return status_answer(self._withdrawn(call))
        except (StorageUnavailableError, RowConflictError) as error:
            raise unavailable("The request may go on; take it back again.") from error

    def _withdrawn(self, call: StatusCall) -> CancellationRecord:
        for _ in range(_MAX_CONFLICTS):
            record = find_request(self._ledger, call, self._callers)
            source = self._callers.check(call.headers, call.publisher_id)
            with (
                contextlib.suppress(RowConflictError),
                working_on(record.request_id, record.traceparent),
            ):
                ended = self._end(record)
                event("request-withdrawn", request_id=record.request_id, source=source)
                return ended
        raise RowConflictError(f"row {call.request_id} is never at rest")

    def _end(self, record: CancellationRecord) -> CancellationRecord:
        if record.outcome is None:
            record = self._ended(record)
        elif record.outcome.name is not OutcomeName.WITHDRAWN:
            raise _too_late(f"The request has ended as {record.outcome.name}.")
        if not record.pending_queued:
            hand_over(self._ledger, self._pending, record, self._clock())
        return record

    def _ended(self, record: CancellationRecord) -> CancellationRecord:
        if record.post_sent_at is not None or record.pending_queued:
            raise _too_late("The cancel call has been sent; what comes of it will be told.")
        now = self._clock()
        outcome = Outcome(name=OutcomeName.WITHDRAWN, at=now)
        return end_without_call(self._ledger, record, outcome, now)


def _too_late(message: str) -> ProblemError:
    return ProblemError(409, "Conflict", message)
