"""What follows from a cancel call: taken, refused, or nobody knows."""

from collections.abc import Callable
from datetime import datetime, timedelta

from shared.cancel_call import CallResult, NotTaken, Taken, Unanswered
from shared.disposition import Disposition, seen
from shared.judgment import Finish, Submit, outcome_of
from shared.ledger import Ledger
from shared.looking import look
from shared.models import OperationState, Refusal
from shared.partner_center.protocol import PartnerCenter
from shared.poll_times import FIRST_POLL_SECONDS
from shared.record import CancellationRecord
from shared.settings import PolicySettings
from shared.telemetry import event

CONFLICT_PATIENCE = timedelta(minutes=5)


class CallResults:
    """Moves a request on after its cancel call. Safe to share between threads."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        disposition: Disposition,
        policy: PolicySettings,
        clock: Callable[[], datetime],
    ) -> None:
        """Work with these."""
        self._ledger = ledger
        self._disposition = disposition
        self._policy = policy
        self._clock = clock

    def follow(self, result: CallResult, center: PartnerCenter) -> None:
        """Move the request on.

        Raises:
            TransientError: A refusal could not be checked against what runs.
            RefusedError: Partner Center refuses to be read.
        """
        match result:
            case Unanswered(record, error):
                event("cancel-unanswered", request_id=record.request_id, detail=str(error))
                self._disposition.postpone(
                    record,
                    str(error),
                    retry_after=error.retry_after,
                    changes={"post_sent_at": record.post_sent_at},
                )
            case Taken():
                self._taken(result)
            case NotTaken():
                self._not_taken(result, center)

    def _taken(self, taken: Taken) -> None:
        now = self._clock()
        target = taken.target
        canceled = target if target and target.state is OperationState.CANCELED else None
        self._disposition.follow(
            taken.record,
            delay_seconds=0 if canceled else taken.answer.retry_after or FIRST_POLL_SECONDS,
            outcome=outcome_of(canceled, now) if canceled else None,
            changes={
                "post_confirmed_at": now,
                "location": taken.answer.location,
                "newer_operations": taken.newer_operations,
                "also_canceled": taken.also_canceled,
                **seen(taken.target, now),
            },
        )

    def _not_taken(self, result: NotTaken, center: PartnerCenter) -> None:
        """Believe a refusal only where no other cancel call can be its reason."""
        record, refusal = result.record, result.refusal
        event(
            "cancel-refused",
            request_id=record.request_id,
            status=refusal.status_code,
            code=refusal.code,
            detail=refusal.message,
        )
        if result.earlier:
            self._keep(record, refusal)
        elif refusal.status_code == 403:
            self._disposition.reject(record, refusal)
        elif self._was_sent_by_another(record):
            self._keep(record, refusal)
        else:
            self._check_target(record, refusal, center)

    def _keep(self, record: CancellationRecord, refusal: Refusal) -> None:
        """The target decides; the refusal may only mean that it is being canceled already."""
        self._disposition.follow(
            record, delay_seconds=FIRST_POLL_SECONDS, changes={"refusal": refusal}
        )

    def _check_target(
        self, record: CancellationRecord, refusal: Refusal, center: PartnerCenter
    ) -> None:
        now = self._clock()
        case, verdict = look(center, record, now, self._policy.second_look)
        since = record.refused_since or now
        may_pass = refusal.status_code == 409 and now - since < CONFLICT_PATIENCE
        match verdict:
            case Submit() if not may_pass:
                self._disposition.reject(record, refusal)
            case Finish():
                self._disposition.finish(record, verdict, case.listing)
            case _:
                self._disposition.postpone(
                    record,
                    f"Partner Center answered {refusal.status_code}: {refusal.message}",
                    changes={"refused_since": since},
                )

    def _was_sent_by_another(self, record: CancellationRecord) -> bool:
        """Whether another open request may have sent a cancel call for the same target."""
        return any(
            other.post_sent_at is not None
            and other.target_operation_id == record.target_operation_id
            and other.request_id != record.request_id
            for other in self._ledger.open_records(record.publisher_id, record.offer_id)
        )
