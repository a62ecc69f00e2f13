"""Whose request a poison record is about: what its message asks for, and the row that it has."""

from datetime import datetime

from shared.addresses import keep_valid
from shared.errors import InvalidRequestError
from shared.ledger import Ledger
from shared.models import CancelRequest, PendingCancellation, from_json
from shared.pending_row import rebuilt
from shared.poison import PoisonRecord
from shared.queues import PENDING_CANCELLATIONS, plain_text
from shared.record import CancellationRecord, new_record

type Request = CancelRequest | PendingCancellation


def request_in(poisoned: PoisonRecord, queue_name: str) -> Request:
    """What the message asks for, by the queue that it was on.

    Raises:
        InvalidRequestError: It cannot be read, or was cut.
    """
    text = plain_text(poisoned.message)
    if queue_name == PENDING_CANCELLATIONS:
        return from_json(text, PendingCancellation)
    return from_json(text, CancelRequest)


def find_row(ledger: Ledger, poisoned: PoisonRecord, request: Request) -> CancellationRecord | None:
    """The request's row, if it has one."""
    request_id = request.request_id or poisoned.request_id
    if not request_id:
        return None
    return ledger.get(request.publisher_id, request.offer_id, request_id)


def find_or_make_row(
    ledger: Ledger, poisoned: PoisonRecord, request: Request, now: datetime
) -> CancellationRecord:
    """The request's row, made now for a request that never got so far, or lost it.

    Raises:
        InvalidRequestError: It has no id to make one for.
        RowConflictError: Somebody else has just made it.
    """
    row = find_row(ledger, poisoned, request)
    if row is not None:
        return row
    if isinstance(request, PendingCancellation):
        return ledger.insert(rebuilt(request, now))
    request_id = request.request_id or poisoned.request_id
    if not request_id:
        raise InvalidRequestError("the request has no id")
    emails, dropped = keep_valid(request.notification_emails)
    return ledger.insert(
        new_record(
            request,
            request_id=request_id,
            requested_at=min(request.meant_requested_at or now, poisoned.inserted_at, now),
            source="queue",
            emails=emails,
            dropped_emails=dropped,
            now=now,
        )
    )
