"""Puts a poisoned message back on its queue, so that its request goes on where it stood.

Nothing is made younger by it, and no mail is contradicted: the row is opened again, only if its
end is not known, and remembers the mail that the next one replaces. The row is written first: a
crash after that leaves the record where it is, to be put back again.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from shared.addresses import keep_valid, usable
from shared.errors import InvalidRequestError, RedriveRefusedError
from shared.ledger import Ledger
from shared.misnamed import refuse_misnamed_operation
from shared.models import CancelRequest, OutcomeName, PendingCancellation, to_json
from shared.outcome_mail import CLAIM
from shared.poison_shelf import Shelved
from shared.poisoned import find_or_make_row, request_in
from shared.queues import Queue, plain_text
from shared.record import CancellationRecord, Mail, State, request_message
from shared.settings import PolicySettings
from shared.telemetry import event


class Redrive:
    """Puts poisoned messages back."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        queues: Mapping[str, Queue],
        policy: PolicySettings,
        clock: Callable[[], datetime],
    ) -> None:
        """Put messages back on these queues, by their names."""
        self._ledger = ledger
        self._queues = queues
        self._policy = policy
        self._clock = clock

    def put_back(self, shelved: Shelved, operation_id: str | None = None) -> None:
        """Put one message back, then take its record away: duplicates over loss.

        Args:
            shelved: A record in hand.
            operation_id: The operation to cancel; needed for a request past its time to live.

        Raises:
            RedriveRefusedError: It must not be put back; nothing was changed.
            RowConflictError: Somebody works on the request right now; nothing was changed.
            QueueLeaseLostError: Somebody else has the record now; the message was put back.
            StorageUnavailableError: Nothing may be assumed; doing it again does no harm.
        """
        try:
            request = request_in(shelved.record, shelved.queue_name)
            row = find_or_make_row(self._ledger, shelved.record, request, self._clock())
        except InvalidRequestError as error:
            raise RedriveRefusedError(f"nothing can mend the message, drop it: {error}") from error
        if operation_id is None:
            _check_names(shelved.record.message)
        if isinstance(request, PendingCancellation):
            message = self._pending(request, row, operation_id)
        else:
            message = self._request(request, row, operation_id)
        self._queues[shelved.queue_name].put(message)
        event(
            "message-redriven",
            request_id=row.request_id,
            queue=shelved.queue_name,
            operationId=operation_id,
        )
        shelved.remove()

    def _request(
        self, request: CancelRequest, row: CancellationRecord, operation_id: str | None
    ) -> str:
        """A request that no cancel call was taken for: it is looked at, and sent if it may be."""
        is_followed = row.is_open and row.pending_queued
        if is_followed:
            raise RedriveRefusedError("the request is being polled already, drop the record")
        self._check_age(row, operation_id)
        emails, _ = keep_valid(request.notification_emails)
        changes = self._named(row, operation_id) if operation_id else {}
        opened = self._opened(
            row,
            emails,
            operation_id or "",
            state=State.ACCEPTED,
            pending_queued=False,
            attempt=row.attempt + 1,
            **changes,
        )
        return to_json(request_message(self._ledger.replace(opened)))

    def _check_age(self, row: CancellationRecord, operation_id: str | None) -> None:
        age = self._clock() - row.requested_at
        if age >= self._policy.request_ttl and operation_id is None:
            raise RedriveRefusedError(
                "the request is past its time to live (CANCEL_REQUEST_TTL_HOURS); if it is still"
                " wanted, name the operation to cancel: --operation-id GUID"
            )

    def _named(self, row: CancellationRecord, operation_id: str) -> dict[str, Any]:
        """The request is about this operation from now on."""
        is_settled = row.post_sent_at is not None and row.target_operation_id is not None
        if is_settled and row.target_operation_id != operation_id:
            raise RedriveRefusedError(
                f"a cancel call for operation {row.target_operation_id} was sent for this request;"
                " send a new request for another operation"
            )
        return {
            "requested_operation_id": operation_id,
            "target_operation_id": operation_id if is_settled else None,
            "operation_named_at": self._clock(),
        }

    def _pending(
        self, pending: PendingCancellation, row: CancellationRecord, operation_id: str | None
    ) -> str:
        """A cancellation to poll once more, or an outcome to mail once more."""
        if operation_id is not None:
            raise RedriveRefusedError(
                "its cancel call was sent already: --operation-id is not for it"
            )
        emails, _ = usable(pending.notification_emails)
        if pending.outcome is None:
            opened = self._opened(row, emails, "", state=State.PENDING, pending_queued=True)
        else:
            opened = self._to_be_mailed(row, pending)
        written = self._ledger.replace(opened)
        fresh = replace(
            pending,
            outcome=written.outcome,
            redrives=written.redrives,
            checkpoints=0,  # it is a new message, which nobody has received yet
            mail_failures=0,
            mail_answers_lost=0,
            mail_since=None,
        )
        return to_json(fresh)

    def _opened(
        self, row: CancellationRecord, emails: tuple[str, ...], detail: str, **changes: Any
    ) -> CancellationRecord:
        """The row without its end, which must not be known."""
        self._check_mailing(row)
        if row.outcome is not None and row.outcome.name is not OutcomeName.UNCONFIRMED:
            raise RedriveRefusedError(
                f"the request has ended as {row.outcome.name.value}, drop the record"
            )
        mailed_at = row.mail_at if row.mail in (Mail.SENT, Mail.SENDING) else row.maybe_mailed_at
        return row.with_step(
            self._clock(),
            "redriven",
            detail,
            outcome=None,
            mail=Mail.NONE,
            mail_at=None,
            maybe_mailed_at=None,
            replaces=mailed_at or row.replaces,
            emails=emails,
            redrives=row.redrives + 1,
            **changes,
        )

    def _to_be_mailed(
        self, row: CancellationRecord, pending: PendingCancellation
    ) -> CancellationRecord:
        """The row with its end, whose mail is to be tried again."""
        self._check_mailing(row)
        if row.mail in (Mail.SENT, Mail.NOBODY):
            raise RedriveRefusedError("its mail has been dealt with already, drop the record")
        return row.with_step(
            self._clock(),
            "redriven",
            "mail",
            state=State.ENDED,
            outcome=row.outcome or pending.outcome,
            mail=Mail.NONE,
            mail_at=None,
            emails=usable(pending.notification_emails)[0],
            redrives=row.redrives + 1,
        )

    def _check_mailing(self, row: CancellationRecord) -> None:
        """A worker that is mailing would mark the opened row as mailed."""
        claimed_at = row.mail_at if row.mail is Mail.SENDING else None
        if claimed_at is not None and self._clock() - claimed_at < CLAIM:
            raise RedriveRefusedError("its mail is being sent, try again in ten minutes")


def _check_names(message: str) -> None:
    try:
        refuse_misnamed_operation(plain_text(message))
    except InvalidRequestError as error:
        raise RedriveRefusedError(
            f"{error}; if it is still wanted, name the operation: --operation-id GUID"
        ) from error
