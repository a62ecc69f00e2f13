"""The row's side of a pending cancellation: progress, the outcome, and who mails it."""

from datetime import datetime

from msgspec.structs import replace

from shared.addresses import usable
from shared.errors import RowConflictError
from shared.ledger import Ledger, amend
from shared.models import CancelRequest, PendingCancellation
from shared.outcome_mail import CLAIM
from shared.record import CancellationRecord, Mail, State, new_record
from shared.telemetry import event

_MAX_CONFLICTS = 5


class PendingRow:
    """Keeps a pending cancellation's row. Safe to share between threads."""

    def __init__(self, ledger: Ledger) -> None:
        """Keep rows in this ledger."""
        self._ledger = ledger

    def note_poll(self, pending: PendingCancellation, now: datetime) -> None:
        """Write how far polling has come, so that the row does not look abandoned."""
        amend(self._ledger, self._record(pending, now), lambda r: _polled(r, pending, now))

    def claim_mail(
        self, pending: PendingCancellation, now: datetime
    ) -> tuple[CancellationRecord, bool]:
        """Write the outcome, unless there is one, and take the mail, unless somebody has it.

        Returns:
            The row, and whether the mail is ours to send: that of the row's outcome, whatever
            the message says.

        Raises:
            RowConflictError: The row changes faster than it can be written.
        """
        for _ in range(_MAX_CONFLICTS):
            record = self._record(pending, now)
            if pending.redrives < record.redrives:  # a person has put the request back since
                event("stale-twin-dropped", request_id=record.request_id)
                return record, False
            if record.outcome and pending.outcome and record.outcome.name != pending.outcome.name:
                outcome = pending.outcome.name
                event("later-finding", request_id=record.request_id, outcome=outcome)
            if not _is_free(record, now):
                return record, False
            try:
                return self._ledger.replace(_ended(record, pending, now)), True
            except RowConflictError:
                continue
        raise RowConflictError(f"row {pending.request_id} is never at rest")

    def unmailed(self, pending: PendingCancellation) -> CancellationRecord | None:
        """The row, if it has its outcome and its mail is this message's to send."""
        if pending.outcome is None:
            return None
        found = self._ledger.get(pending.publisher_id, pending.offer_id, pending.request_id)
        if found is None or found.outcome is None or found.redrives > pending.redrives:
            return None
        return found if found.mail in (Mail.NONE, Mail.SENDING) else None

    def _record(self, pending: PendingCancellation, now: datetime) -> CancellationRecord:
        """The request's row, rebuilt from the message where the table was lost."""
        found = self._ledger.get(pending.publisher_id, pending.offer_id, pending.request_id)
        return found or self._ledger.insert(rebuilt(pending, now))


def _is_free(record: CancellationRecord, now: datetime) -> bool:
    """Whether the mail is to be sent, and by nobody else: a claim of 10 minutes is stale."""
    if record.mail is not Mail.SENDING:
        return record.mail is Mail.NONE
    return record.mail_at is None or now - record.mail_at >= CLAIM


def _ended(
    record: CancellationRecord, pending: PendingCancellation, now: datetime
) -> CancellationRecord:
    """The row with its outcome, the first one found, and the mail claimed.

    What its mail says is settled by the first claim: that mail may be out, and another has to say
    the same, even if it is sent by a second message that was polled for longer.
    """
    left_by_the_dead = record.mail_at if record.mail is Mail.SENDING else None
    claimed = replace(
        record,
        mail=Mail.SENDING,
        mail_at=now,
        maybe_mailed_at=record.maybe_mailed_at or left_by_the_dead,
    )
    if record.mail_at is not None:
        return claimed
    outcome = record.outcome or pending.outcome
    ended = replace(
        claimed,
        state=State.ENDED,
        outcome=outcome,
        pending_queued=True,
        target_operation_id=record.target_operation_id or pending.target_operation_id,
        polls=max(record.polls, pending.polls),
        last_state=pending.last_state or record.last_state,
        last_state_at=pending.last_state_at or record.last_state_at,
        post_sent_at=record.post_sent_at or pending.post_sent_at,
        refusal=record.refusal or pending.refusal,
        also_canceled=pending.also_canceled,
        newer_operations=pending.newer_operations,
    )
    if record.outcome is not None or outcome is None:
        return ended
    return ended.with_step(now, "outcome-found", outcome.name)


def as_recorded(pending: PendingCancellation, record: CancellationRecord) -> PendingCancellation:
    """The message with what the row, once its mail is claimed, says of the outcome."""
    return replace(
        pending,
        outcome=record.outcome,
        target_operation_id=record.target_operation_id,
        post_sent_at=record.post_sent_at,
        last_state=record.last_state,
        last_state_at=record.last_state_at,
        refusal=record.refusal,
        also_canceled=record.also_canceled,
        newer_operations=record.newer_operations,
    )


def _polled(
    record: CancellationRecord, pending: PendingCancellation, now: datetime
) -> CancellationRecord:
    if record.mail_at is not None:  # another message was quicker: what is mailed is settled
        return record
    return record.with_step(
        now,
        "polled",
        f"poll {pending.polls}: {pending.last_state}",
        polls=max(record.polls, pending.polls),
        last_state=pending.last_state,
        last_state_at=pending.last_state_at,
        last_error=pending.last_error,
    )


def rebuilt(pending: PendingCancellation, now: datetime) -> CancellationRecord:
    """The row that a pending cancellation must have had, as far as its message tells."""
    event("row-rebuilt", request_id=pending.request_id)
    emails, dropped = usable(pending.notification_emails)
    record = new_record(
        CancelRequest(
            publisher_id=pending.publisher_id,
            offer_id=pending.offer_id,
            reason=pending.reason,
            traceparent=pending.traceparent,
        ),
        request_id=pending.request_id,
        requested_at=pending.requested_at,
        source="pending-cancellations",
        emails=emails,
        dropped_emails=pending.dropped_emails + dropped,
        now=now,
    )
    return replace(
        record,
        state=State.PENDING,
        pending_queued=True,
        target_operation_id=pending.target_operation_id,
        post_sent_at=pending.post_sent_at,
        redrives=pending.redrives,
    )
