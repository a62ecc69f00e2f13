"""A cancel request becomes a pending cancellation or an outcome.

Every step may be a repetition: the row is read first and decides, the target and the intent are
written before the cancel call, and nothing is sent without a look at what runs. What cannot be
done now goes back onto the queue with a delay; nothing sleeps in here.
"""

import contextlib
import logging
from collections.abc import Callable
from datetime import datetime

from shared.addresses import keep_valid
from shared.call_results import CallResults
from shared.cancel_call import refusal_of, send_cancel
from shared.case import Case
from shared.disposition import Disposition
from shared.errors import (
    ConfigurationError,
    InvalidRequestError,
    RefusedError,
    RowConflictError,
    StorageUnavailableError,
    TransientError,
)
from shared.joining import WAIT, Join, LetTwin, Turn, Wait, joined, turn_of
from shared.judgment import Finish, LookAgain, Submit, Verdict
from shared.ledger import Ledger
from shared.looking import look
from shared.misnamed import refuse_misnamed_operation
from shared.models import CancelRequest, Operation, from_json
from shared.partner_center.protocol import PartnerCenter
from shared.poison import put_poison, request_of
from shared.poll_times import FIRST_POLL_SECONDS
from shared.putting_back import LAST_TRY, meant_at, put_back
from shared.queues import Queue, QueuedMessage, plain_text
from shared.record import CancellationRecord, new_record
from shared.settings import PolicySettings
from shared.telemetry import event, settings_unusable
from shared.tracing import working_on

_MAX_CONFLICTS = 5


class Submission:
    """Handles the messages of ``cancel-requests``. Safe to share between threads."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        requests: Queue,
        pending: Queue,
        poison: Queue,
        partner_center: Callable[[], PartnerCenter],
        policy: PolicySettings,
        clock: Callable[[], datetime],
        on_our_clock: Callable[[datetime], datetime] = lambda when: when,
    ) -> None:
        """Work with these; ``partner_center`` raises ``ConfigurationError`` until it can be had.

        ``on_our_clock`` brings a time that a message tells, or that Storage tells of it, onto our
        clock; what it needs for that it has learned once the row was read.
        """
        self._ledger = ledger
        self._poison = poison
        self._disposition = Disposition(
            ledger=ledger, requests=requests, pending=pending, policy=policy, clock=clock
        )
        self._results = CallResults(
            ledger=ledger, disposition=self._disposition, policy=policy, clock=clock
        )
        self._requests = requests
        self._partner_center = partner_center
        self._policy = policy
        self._clock = clock
        self._on_our_clock = on_our_clock

    def handle(self, message: QueuedMessage) -> None:
        """Carry one message as far as it goes now; when this returns, it may be deleted.

        Raises:
            StorageUnavailableError: Nothing may be assumed; the message has to come again.
        """
        try:
            self._take(message)
        except StorageUnavailableError as error:
            if message.dequeue_count < LAST_TRY:
                raise
            event("storage-unavailable", level=logging.ERROR, reason=str(error))
            put_back(self._requests, message)

    def _take(self, message: QueuedMessage) -> None:
        try:
            request = self._read(message)
        except InvalidRequestError as error:
            request_id, requested_at = request_of(message)
            put_poison(
                self._poison,
                message,
                str(error),
                request_id=request_id,
                requested_at=requested_at,
            )
            return
        for _ in range(_MAX_CONFLICTS):
            with contextlib.suppress(RowConflictError):
                record, others = self._record(request, message)
                with working_on(record.request_id, record.traceparent):
                    if not self._is_settled(record, request):
                        self._carry_out(record, others, request.own_attempt)
                return
        raise StorageUnavailableError(f"row {request.request_id or message.id} is never at rest")

    def _read(self, message: QueuedMessage) -> CancelRequest:
        text = plain_text(message.text)
        request = from_json(text, CancelRequest)
        refuse_misnamed_operation(text)
        if not self._policy.serves(request.publisher_id):
            raise InvalidRequestError(
                f"publisherId {request.publisher_id} is not served here (ALLOWED_PUBLISHERS)"
            )
        return request

    def _record(
        self, request: CancelRequest, message: QueuedMessage
    ) -> tuple[CancellationRecord, list[CancellationRecord]]:
        """The request's row, made now for a message of another service; the offer's open ones."""
        request_id = (request.request_id or message.id).lower()
        offer = request.publisher_id, request.offer_id
        found, others = self._ledger.get_with_open_ones(*offer, request_id)
        if found is not None:
            return found, others
        now = self._clock()
        emails, dropped = keep_valid(request.notification_emails)
        asked_at = self._on_our_clock(meant_at(request, message))
        record = new_record(
            request,
            request_id=request_id,
            requested_at=min(asked_at, now),
            source="queue",
            emails=emails,
            dropped_emails=dropped,
            now=now,
        )
        with working_on(request_id, record.traceparent):
            event("request-accepted", request_id=request_id, source="queue", droppedEmails=dropped)
        written = self._ledger.insert(record)
        # Read again: of two that are made at once, one has to see the other.
        _, others = self._ledger.get_with_open_ones(*offer, request_id)
        return written, others

    def _is_settled(self, record: CancellationRecord, request: CancelRequest) -> bool:
        """Whether nothing is left to do for this message."""
        if record.outcome is not None and not record.pending_queued:
            self._disposition.follow(record)
            return True
        is_twin = record.pending_queued or request.own_attempt < record.attempt
        if is_twin:
            event("stale-twin-dropped", request_id=record.request_id, attempt=request.own_attempt)
        return is_twin

    def _carry_out(
        self, record: CancellationRecord, others: list[CancellationRecord], attempt: int
    ) -> None:
        try:
            center = self._partner_center()
            case, verdict = look(center, record, self._clock(), self._policy.second_look)
            if isinstance(verdict, Submit) and (
                turn := turn_of(record, verdict.target, others, self._clock())
            ):
                self._share(record, turn, attempt)
            else:
                self._follow_verdict(record, center, case, verdict)
        except ConfigurationError as error:
            settings_unusable(error, record.request_id)
            self._disposition.postpone(record, str(error))
        except TransientError as error:
            self._disposition.postpone(record, str(error), retry_after=error.retry_after)
        except RefusedError as error:
            self._refused_to_read(record, error)

    def _follow_verdict(
        self, record: CancellationRecord, center: PartnerCenter, case: Case, verdict: Verdict
    ) -> None:
        match verdict:
            case Submit() if self._disposition.is_past_ttl(record):
                still_runs = "the operation still runs, and the request is too old to cancel it"
                self._disposition.give_up(record, record.last_error or still_runs)
            case Submit(target):
                self._submit(record, center, case, target)
            case Finish():
                self._disposition.finish(record, verdict, case.listing)
            case LookAgain(why, after):
                idle = {"idle_since": record.idle_since or case.now} if after else {}
                self._disposition.postpone(record, why, after=after, changes=idle)
            case _:
                self._disposition.follow(record)

    def _share(self, record: CancellationRecord, turn: Turn, attempt: int) -> None:
        match turn:
            case LetTwin():
                self._disposition.set_aside(record, attempt, WAIT)
            case Wait(other):
                why = f"request {other.request_id} was there first, and is about to cancel it"
                self._disposition.postpone(record, why, after=WAIT)
            case Join(other):
                event(
                    "cancel-joined",
                    request_id=record.request_id,
                    operationId=other.target_operation_id,
                    other=other.request_id,
                )
                self._disposition.follow(
                    record, delay_seconds=FIRST_POLL_SECONDS, changes=joined(other)
                )

    def _submit(
        self,
        record: CancellationRecord,
        center: PartnerCenter,
        case: Case,
        target: Operation | None,
    ) -> None:
        event(
            "operation-found",
            request_id=record.request_id,
            operationId=target.id if target else None,
            state=target.word if target else case.offer_status and case.offer_status.word,
        )
        result = send_cancel(self._ledger, center, self._clock, record, case, target)
        self._results.follow(result, center)

    def _refused_to_read(self, record: CancellationRecord, refused: RefusedError) -> None:
        """A clear no ends the request, unless a cancel call may have arrived before it."""
        refusal = refusal_of(refused)
        if record.post_sent_at is None:
            self._disposition.reject(record, refusal)
        else:
            self._disposition.follow(record, changes={"refusal": refusal})
