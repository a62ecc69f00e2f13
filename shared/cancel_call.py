"""Sends one cancel call: intent written first, then the call, then what its answer means.

The call cancels whatever runs on the offer, so the caller has looked right before. Whether one
may have arrived is never forgotten unless Partner Center surely did not carry it out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from shared.case import Case
from shared.errors import NotSentError, PartnerCenterError, RefusedError, TransientError
from shared.ledger import Ledger, amend
from shared.models import MAX_NAMED, Operation, OperationState, Refusal
from shared.partner_center.protocol import CancelAnswer, PartnerCenter
from shared.record import CANCEL_SENT, CancellationRecord, State
from shared.telemetry import event


@dataclass(frozen=True)
class Taken:
    """Partner Center took the call (2xx), which alone says nothing about the operation.

    Attributes:
        newer_operations: What appeared between the look before and the look after the call; None
            where one of the two could not be had.
        also_canceled: Those of them that are canceled, or being canceled, already.
        target: The target read again, after an answer that claims to be final (200).
    """

    record: CancellationRecord
    answer: CancelAnswer
    newer_operations: tuple[str, ...] | None
    also_canceled: tuple[str, ...]
    target: Operation | None


@dataclass(frozen=True)
class NotTaken:
    """Partner Center refused; ``earlier`` says whether another call may have arrived before."""

    record: CancellationRecord
    refusal: Refusal
    earlier: bool


@dataclass(frozen=True)
class Unanswered:
    """The call may have arrived and nobody knows: the next look finds out."""

    record: CancellationRecord
    error: TransientError


type CallResult = Taken | NotTaken | Unanswered


def send_cancel(
    ledger: Ledger,
    center: PartnerCenter,
    clock: Callable[[], datetime],
    record: CancellationRecord,
    case: Case,
    target: Operation | None,
) -> CallResult:
    """Send the cancel call once.

    Args:
        ledger: Where the row is.
        center: Partner Center.
        clock: The time now.
        record: The row as it was read before the look.
        case: The look that allowed the call.
        target: The operation that is meant; None where nobody can name it.

    Raises:
        RowConflictError: Somebody else works on the request; nothing was sent.
        NotSentError: Surely not carried out.
    """
    intent = _with_intent(record, target, clock())
    written = ledger.replace(intent)
    event(CANCEL_SENT, request_id=record.request_id, operationId=target.id if target else None)
    emails = ",".join(record.emails)
    try:
        answer = center.cancel(record.publisher_id, record.offer_id, emails)
    except NotSentError:
        _forget_intent(ledger, record, written, clock())
        raise
    except TransientError as error:
        return Unanswered(written, error)
    except RefusedError as error:
        forgotten = _forget_intent(ledger, record, written, clock())
        return NotTaken(forgotten, refusal_of(error), earlier=forgotten.post_sent_at is not None)
    return _taken(center, written, case, answer)


def _taken(
    center: PartnerCenter, record: CancellationRecord, case: Case, answer: CancelAnswer
) -> Taken:
    """Look again: at what else may have been hit, and at a target that is said to be canceled."""
    event(
        "cancel-accepted",
        request_id=record.request_id,
        status=answer.status_code,
        location=answer.location,
    )
    newer, also_canceled = _appeared_since(center, record, case)
    again = _read_again(center, record) if answer.status_code == 200 else None
    return Taken(record, answer, newer, also_canceled, again)


def refusal_of(refused: RefusedError) -> Refusal:
    """Partner Center's no, as it is kept in row, message and mail."""
    return Refusal(status_code=refused.status_code or 0, code=refused.code, message=str(refused))


def _with_intent(
    record: CancellationRecord, target: Operation | None, now: datetime
) -> CancellationRecord:
    return record.with_step(
        now,
        CANCEL_SENT,
        target.id if target else "",
        target_operation_id=target.id if target else record.target_operation_id,
        post_sent_at=record.post_sent_at or now,
        state=State.SUBMITTING,
        last_state=target.word if target else record.last_state,
        last_state_at=now,
        newer_operations=None,  # until the list was read again after the call
    )


def _forget_intent(
    ledger: Ledger, before: CancellationRecord, written: CancellationRecord, now: datetime
) -> CancellationRecord:
    """Take the intent back, unless another call may have arrived: an earlier one, or a twin's."""
    if before.post_sent_at is not None:
        return written

    def forgotten(current: CancellationRecord) -> CancellationRecord:
        if _intents(current) != _intents(written):  # a twin of this message is sending as well
            return current
        return replace(
            current,
            post_sent_at=None,
            newer_operations=before.newer_operations,
            last_step_at=now,
        )

    return amend(ledger, written, forgotten)


def _intents(record: CancellationRecord) -> int:
    return sum(step.step == CANCEL_SENT for step in record.history)


def _appeared_since(
    center: PartnerCenter, record: CancellationRecord, case: Case
) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """Operations that the look before the call did not show, and those of them it has hit."""
    try:
        after = center.list_operations(record.publisher_id, record.offer_id)
    except PartnerCenterError:
        return None, ()
    if after is None or case.listing is None:
        return None, ()
    before = {operation.id for operation in case.listing} | {record.target_operation_id}
    newer = [operation for operation in after if operation.id not in before]
    hit = [o.id for o in newer if o.state is OperationState.CANCELED or o.is_being_canceled]
    # One can start while a call is under way; a list that differs by more is not worth keeping.
    return tuple(o.id for o in newer[:MAX_NAMED]), tuple(hit[:MAX_NAMED])


def _read_again(center: PartnerCenter, record: CancellationRecord) -> Operation | None:
    target_id = record.target_operation_id
    if target_id is None:
        return None
    try:
        return center.read_operation(record.publisher_id, record.offer_id, target_id)
    except PartnerCenterError:
        return None
