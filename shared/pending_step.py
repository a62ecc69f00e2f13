"""One step of one pending cancellation: a poll, or its outcome's way into row and mail.

The message is the state: it is updated before anything that must not be repeated blindly, and a
stale pop receipt means that another worker has it, so this one lets go without sending.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace as replace_fields
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import msgspec
from msgspec.structs import replace

from shared.errors import (
    ConfigurationError,
    InvalidRequestError,
    PartnerCenterError,
    RowConflictError,
    StorageUnavailableError,
    TransientError,
)
from shared.handover import tell_outcome
from shared.ledger import Ledger
from shared.models import PENDING_VERSION, PendingCancellation, from_json, read_pending, to_json
from shared.observation import Observation, observe
from shared.outcome_mail import CLAIM, Mailed, MailHopeless, MailLater, OutcomeMail
from shared.partner_center.protocol import PartnerCenter
from shared.pending_row import PendingRow, as_recorded
from shared.poison import put_poison
from shared.polling import (
    Finished,
    PollAgain,
    Read,
    after_failure,
    decide,
    without_reading,
)
from shared.queues import MAX_MESSAGE_BYTES, Queue, QueuedMessage, plain_text
from shared.record import CancellationRecord, Mail
from shared.settings import PolicySettings
from shared.telemetry import event, settings_unusable, without_secrets
from shared.tracing import working_on

MAX_CRASHES = 6
SUSPECT_CRASHES = 2
NEWER_VERSION_SECONDS = 300.0
MAIL_LEASE_SECONDS = 360.0
RECORD_EVERY = timedelta(minutes=15)


@dataclass(frozen=True)
class Leased:
    """A received message with what it says, and until when it is surely ours.

    Attributes:
        lease_ends: On the monotonic clock, in seconds.
    """

    message: QueuedMessage
    pending: PendingCancellation
    lease_ends: float

    @property
    def crashes(self) -> int:
        """How often a worker took the message and neither checkpointed nor finished it."""
        return self.message.dequeue_count - 1 - self.pending.checkpoints


class _Versioned(msgspec.Struct):
    """What a message of every version has; the rest may mean anything in a newer one."""

    version: int = PENDING_VERSION


class PendingStep:
    """Handles the messages of ``pending-cancellations``. Safe to share between threads."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        queue: Queue,
        poison: Queue,
        partner_center: Callable[[], PartnerCenter],
        outcome_mail: OutcomeMail,
        policy: PolicySettings,
        read_seconds: float,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = monotonic,
    ) -> None:
        """Work with these; ``partner_center`` raises ``ConfigurationError`` until it can be had.

        Args:
            ledger: Where the rows are.
            queue: The queue ``pending-cancellations``.
            poison: Its poison queue.
            partner_center: Reads states.
            outcome_mail: Mails outcomes.
            policy: The deadline.
            read_seconds: How long one read may take, so that none outlives the lease.
            clock: The time now.
            monotonic: A clock in seconds that never goes back.
        """
        self._row = PendingRow(ledger)
        self._queue = queue
        self._poison = poison
        self._partner_center = partner_center
        self._outcome_mail = outcome_mail
        self._policy = policy
        self._read_seconds = read_seconds
        self._clock = clock
        self._monotonic = monotonic

    def open(self, message: QueuedMessage, lease_ends: float) -> Leased | None:
        """Read a received message; None for one that is dealt with already.

        What cannot be read is poison at once; a newer version waits for a newer app.
        """
        try:
            text = plain_text(message.text)
            if from_json(text, _Versioned).version > PENDING_VERSION:
                self._wait_for_newer_app(message, from_json(text, dict))
                return None
            pending = read_pending(text)
        except InvalidRequestError as error:
            self._give_up(message, str(error), None, None)
            return None
        leased = Leased(message, pending, lease_ends)
        if leased.crashes >= MAX_CRASHES:
            reason = f"it ended its worker {leased.crashes} times"
            with working_on(pending.request_id, pending.traceparent):
                self._give_up(message, reason, pending, self._row.unmailed(pending))
            return None
        return leased

    def _wait_for_newer_app(self, message: QueuedMessage, members: dict[str, Any]) -> None:
        """Put it back as it is but for its checkpoint: waiting must not look like crashing."""
        request_id = str(members.get("requestId", ""))
        event("newer-version-put-back", request_id=request_id, level=logging.WARNING)
        waiting = to_json(members | {"checkpoints": message.dequeue_count})
        is_fit = len(waiting) <= MAX_MESSAGE_BYTES  # in ASCII it may be longer than it was
        self._queue.update(message, waiting if is_fit else message.text, NEWER_VERSION_SECONDS)

    def hold(self, leased: Leased, seconds: float) -> Leased:
        """Keep a message from everybody, this worker too, without counting a crash meanwhile."""
        return replace_fields(
            leased, message=self._put_back(leased.message, leased.pending, seconds)
        )

    def seize(self, leased: Leased, lease_seconds: float) -> Leased:
        """Take a held message up again: from now on the end of this worker counts as a crash."""
        lease_ends = self._monotonic() + lease_seconds
        text = to_json(leased.pending)
        message = self._queue.update(leased.message, text, lease_seconds)
        return Leased(message, leased.pending, lease_ends)

    def take(self, leased: Leased) -> PartnerCenterError | None:
        """One step. Returns what kept Partner Center from being read, if something did.

        Raises:
            QueueLeaseLostError: Another worker has the message; nothing was sent.
            StorageUnavailableError: The message comes again when its lease ends.
        """
        if leased.pending.outcome is not None:
            self._deliver(leased.message, leased.pending)
            return None
        decision, trouble = self._poll(leased)
        times = leased.message.dequeue_count
        match decision:
            case PollAgain(pending, seconds):
                self._checkpoint(leased.message, replace(pending, checkpoints=times), seconds)
            case Finished(outcome, pending):
                tell_outcome(pending.request_id, pending.requested_at, outcome)
                # Polling went well; if its mail ends this worker, that counts from here.
                ended = replace(pending, outcome=outcome, checkpoints=times - 1)
                self._deliver(leased.message, ended)
        return trouble

    def _poll(self, leased: Leased) -> tuple[Finished | PollAgain, PartnerCenterError | None]:
        pending, seen = leased.pending, Observation()
        try:
            center = self._partner_center()
            while True:
                decision = decide(pending, seen, self._clock(), self._policy.confirm_deadline)
                if not isinstance(decision, Read):
                    self._tell_poll(decision.pending)
                    return decision, None
                if self._monotonic() + self._read_seconds > leased.lease_ends:
                    raise TransientError("Partner Center answers too slowly for one poll")
                pending, seen = _observed(center, pending, decision, seen)
        except PartnerCenterError as error:
            retry_after = error.retry_after if isinstance(error, TransientError) else None
            why = without_secrets(str(error))
            failed = after_failure(pending, why, retry_after, self._clock())
            event("poll-failed", request_id=pending.request_id, reason=str(error))
            return failed, error
        except ConfigurationError as error:
            settings_unusable(error, pending.request_id)
            why = without_secrets(str(error))
            return after_failure(pending, why, None, self._clock()), None

    def _tell_poll(self, pending: PendingCancellation) -> None:
        event(
            "polled",
            request_id=pending.request_id,
            poll=pending.polls,
            state=pending.last_state,
        )

    def _checkpoint(
        self, message: QueuedMessage, pending: PendingCancellation, seconds: float
    ) -> None:
        """The state into the message; now and then into the row, which must not look abandoned."""
        now = self._clock()
        is_due = pending.recorded_at is None or now - pending.recorded_at >= RECORD_EVERY
        recorded = replace(pending, recorded_at=now) if is_due else pending
        self._queue.update(message, to_json(recorded), seconds)
        if is_due:
            self._row.note_poll(pending, now)

    def _deliver(self, message: QueuedMessage, pending: PendingCancellation) -> None:
        """Outcome into the message, into the row, mail, row marked, message deleted."""
        message = self._queue.update(message, to_json(pending), MAIL_LEASE_SECONDS)
        try:
            record, is_claimed = self._row.claim_mail(pending, self._clock())
        except (StorageUnavailableError, RowConflictError):
            self._put_back(message, pending, MAIL_LEASE_SECONDS)  # that is no crash
            raise
        mailed = as_recorded(pending, record)
        if not is_claimed:
            self._leave_to_other(message, mailed, record)
            return
        match self._outcome_mail.send(mailed, record):
            case Mailed():
                self._queue.delete(message)
            case MailLater(later, seconds):
                went_well = replace(later, checkpoints=message.dequeue_count)
                self._queue.update(message, to_json(went_well), seconds)
            case MailHopeless(reason):
                self._give_up(message, reason, pending, record)

    def _leave_to_other(
        self, message: QueuedMessage, pending: PendingCancellation, record: CancellationRecord
    ) -> None:
        """The mail is sent, or somebody is sending it: come back when that claim is stale."""
        if record.mail is Mail.SENDING and record.mail_at is not None:
            seconds = (record.mail_at + CLAIM - self._clock()).total_seconds()
            self._put_back(message, pending, max(seconds, 1.0))
        else:
            self._queue.delete(message)

    def _put_back(
        self, message: QueuedMessage, pending: PendingCancellation, seconds: float
    ) -> QueuedMessage:
        """Let it be for so long, with as many crashes as it has; this delivery was none."""
        unharmed = replace(pending, checkpoints=pending.checkpoints + 1)
        return self._queue.update(message, to_json(unharmed), seconds)

    def _give_up(
        self,
        message: QueuedMessage,
        reason: str,
        pending: PendingCancellation | None,
        unmailed: CancellationRecord | None,
    ) -> None:
        """To poison; its row, if it waits for this message's mail, is told that none comes."""
        put_poison(
            self._poison,
            message,
            reason,
            request_id=pending.request_id if pending else "",
            requested_at=pending.requested_at if pending else None,
        )
        if unmailed:
            self._outcome_mail.give_up(unmailed, reason)
        self._queue.delete(message)


def _observed(
    center: PartnerCenter, pending: PendingCancellation, wanted: Read, seen: Observation
) -> tuple[PendingCancellation, Observation]:
    """The poll with one reading more, or without it where the outcome has waited long enough."""
    try:
        return pending, observe(center, pending, wanted.reading, seen)
    except TransientError:
        without = without_reading(pending, seen, wanted)
        if without is None:
            raise
        return without
