"""Looks over the rows that are not through, for what no message brings up.

Whoever asked hears when their request could not be carried out yet, since they can still act by
hand. A pending message that is lost is made again; and a row that nothing moves any more is closed
instead of staying open for ever.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec.structs import replace

from shared.backoff import backoff_seconds
from shared.errors import (
    ConfigurationError,
    MailAnswerLostError,
    MailDeferredError,
    MailError,
    MailRefusedError,
    RowConflictError,
)
from shared.gauges import Tally
from shared.handover import hand_over, unread
from shared.ledger import Ledger, amend
from shared.models import Outcome, OutcomeName
from shared.notification.notice import Notice
from shared.outcome_mail import CLAIM, Mailer, recipients_of
from shared.queues import Queue
from shared.record import CancellationRecord, Mail
from shared.settings import PolicySettings
from shared.telemetry import event, without_secrets
from shared.tracing import trace_id_of, working_on

LONGEST = timedelta(minutes=1)
ABANDONED_AFTER_TTL = timedelta(hours=1)
LOST_AFTER = timedelta(hours=1)  # polls, and tries to mail, are noted in the row far more often
_RETRY_FIRST_SECONDS = 30.0


class Sweep:
    """Looks over rows. Two sweeps at once do no harm."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        pending: Queue,
        mailer: Callable[[], Mailer],
        policy: PolicySettings,
        clock: Callable[[], datetime],
        tally: Tally | None = None,
    ) -> None:
        """Work with these; ``mailer`` raises ``ConfigurationError`` until it can be had.

        ``tally`` counts what is looked over.
        """
        self._ledger = ledger
        self._pending = pending
        self._mailer = mailer
        self._policy = policy
        self._clock = clock
        self._tally = tally or Tally()

    def run(self) -> None:
        """Look over the rows that are not through, for a minute at the most.

        Raises:
            StorageUnavailableError: The table cannot be read.
        """
        started = self._clock()
        self._tally.begin()
        for record in self._ledger.unfinished_records():
            self._tally.add(record)
            if self._clock() - started > LONGEST:
                return  # the next sweep goes on; polling must not wait for this one
            try:
                with working_on(record.request_id, record.traceparent):
                    self._look_after(record)
            except RowConflictError:
                continue  # somebody works on it: it is not abandoned

    def _look_after(self, record: CancellationRecord) -> None:
        now = self._clock()
        idle = now - record.last_step_at
        if record.is_open and idle >= self._policy.request_ttl + ABANDONED_AFTER_TTL:
            self._close(record, now)
        elif idle >= LOST_AFTER and _is_made_again(record):
            event("message-made-again", request_id=record.request_id, level=logging.WARNING)
            hand_over(self._ledger, self._pending, record, now)
        elif record.is_open and self._is_notice_due(record, now):
            self._send_notice(record, now)

    def _close(self, record: CancellationRecord, now: datetime) -> None:
        """Nothing moves the request any more: its message is lost."""
        sent = record.post_sent_at is not None
        outcome = Outcome(
            name=OutcomeName.UNCONFIRMED if sent else OutcomeName.EXPIRED,
            at=now,
            operation_state=record.last_state,
            message=record.last_error or "the request's message was lost",
        )
        event("abandoned-request-closed", request_id=record.request_id, level=logging.ERROR)
        changes = unread(record)
        hand_over(self._ledger, self._pending, record, now, outcome=outcome, changes=changes)

    def _is_notice_due(self, record: CancellationRecord, now: datetime) -> bool:
        is_late = now - record.requested_at >= self._policy.notification_delay
        if not is_late or record.post_confirmed_at is not None:
            return False
        if record.notice is Mail.SENDING:
            return record.notice_at is None or now - record.notice_at >= CLAIM
        wait = timedelta(
            seconds=backoff_seconds(_RETRY_FIRST_SECONDS, record.notice_failures)
            if record.notice_failures
            else 0
        )
        is_waiting = record.notice_at is not None and now - record.notice_at < wait
        return record.notice is Mail.NONE and not is_waiting

    def _send_notice(self, record: CancellationRecord, now: datetime) -> None:
        """Say NOT YET CANCELED, once: the row is claimed first and marked after."""
        claimed = self._ledger.replace(replace(record, notice=Mail.SENDING, notice_at=now))
        try:
            state = self._mail_notice(claimed, now)
        except MailAnswerLostError:
            state = Mail.SENT  # a second copy would say nothing new
        except MailRefusedError:
            state = Mail.FAILED
        except (MailError, ConfigurationError) as error:
            reason = without_secrets(str(error))
            event("notice-deferred", request_id=record.request_id, reason=reason)
            failures = record.notice_failures + 1
            amend(
                self._ledger,
                claimed,
                lambda r: replace(r, notice=Mail.NONE, notice_failures=failures),
            )
            return
        step = "notice-failed" if state is Mail.FAILED else "notice-sent"
        event(step, request_id=record.request_id, state=state.value)
        amend(self._ledger, claimed, lambda r: r.with_step(now, step, notice=state))

    def _mail_notice(self, record: CancellationRecord, now: datetime) -> Mail:
        from shared.notification.rendering import render  # loads the email package

        mailer = self._mailer()
        recipients, dropped = recipients_of(record.emails, mailer.settings)
        if not recipients:
            return Mail.NOBODY
        notice = Notice(
            request_id=record.request_id,
            publisher_id=record.publisher_id,
            offer_id=record.offer_id,
            requested_at=record.requested_at,
            now=now,
            recipients=recipients,
            reason=record.reason,
            target_operation_id=record.target_operation_id,
            post_sent_at=record.post_sent_at,
            last_state=record.last_state,
            last_state_at=record.last_state_at,
            last_error=record.last_error,
            dropped_emails=record.dropped_emails + dropped,
            replaces=record.replaces,
            expires_at=record.tried_since + self._policy.request_ttl,
            trace_id=trace_id_of(record.traceparent),
        )
        delivery = mailer.sender.send(render(notice, mailer.settings.sender), recipients)
        if delivery.accepted:
            return Mail.SENT
        if delivery.deferred:
            raise MailDeferredError("every recipient was refused for now")
        raise MailRefusedError("every recipient was refused for good")


def _is_made_again(record: CancellationRecord) -> bool:
    """Whether a pending message is missing that was made only once for where the request is now.

    One that is lost, or poisoned, a second time is left to a person.
    """
    if not record.pending_queued:
        return False
    now_at = "outcome-found" if record.outcome else "cancellation-pending"
    return sum(step.step == now_at for step in record.history) < 2
