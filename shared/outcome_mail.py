"""Mails one outcome once, as far as mail allows: the row is claimed first and marked after.

A crash, or a lost answer, between the server's yes and the mark leads to a second mail of the
same content and ``Message-ID``; nothing leads to a contradicting one, since the first outcome
written into the row is the one that is mailed.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace as replace_fields
from datetime import datetime, timedelta

from msgspec.structs import replace

from shared.addresses import is_allowed, usable
from shared.backoff import backoff_seconds
from shared.errors import (
    ConfigurationError,
    MailAnswerLostError,
    MailBusyError,
    MailDeferredError,
    MailRefusedError,
)
from shared.ledger import Ledger, amend
from shared.models import PendingCancellation
from shared.notification.notice import Notice
from shared.notification.sender import Delivery, Sender
from shared.record import CancellationRecord, Mail
from shared.settings import MailSettings
from shared.telemetry import event, seconds_between, settings_unusable, without_secrets
from shared.tracing import trace_id_of

CLAIM = timedelta(minutes=10)
RETRY_FIRST_SECONDS = 15.0
BUSY_SECONDS = 5.0
RETRY_FOR = timedelta(days=3)
MAX_LOST_ANSWERS = 3
# A mail service may ask for an hour. With the longest backoff on top, a row must not rest for so
# long: the sweep would take its message for a lost one.
MAX_ASKED_SECONDS = 2400.0


@dataclass(frozen=True)
class Mailed:
    """Nothing is left to send: the message may be deleted."""


@dataclass(frozen=True)
class MailLater:
    """Send again in so many seconds, with this state."""

    pending: PendingCancellation
    seconds: float


@dataclass(frozen=True)
class MailHopeless:
    """No mail can reach anybody: write the poison record, then ``give_up``."""

    reason: str


type MailResult = Mailed | MailLater | MailHopeless


@dataclass(frozen=True)
class Mailer:
    """How this deployment mails; to be had only while its settings are right."""

    settings: MailSettings
    sender: Sender


class OutcomeMail:
    """Mails outcomes. Safe to share between threads."""

    def __init__(
        self, *, ledger: Ledger, mailer: Callable[[], Mailer], clock: Callable[[], datetime]
    ) -> None:
        """Work with these; ``mailer`` raises ``ConfigurationError`` until it can be had."""
        self._ledger = ledger
        self._mailer = mailer
        self._clock = clock

    def send(self, pending: PendingCancellation, record: CancellationRecord) -> MailResult:
        """Mail the outcome of a request whose row was claimed, and mark the row.

        Args:
            pending: The message, with its outcome.
            record: The row, ``mail`` moved to sending by the caller.
        """
        now = self._clock()
        try:
            mailer = self._mailer()
        except ConfigurationError as error:
            settings_unusable(error, record.request_id)
            return self._later(pending, record, str(error))
        allowed, dropped = recipients_of(pending.notification_emails, mailer.settings)
        remaining = pending.remaining_emails
        left = allowed if remaining is None else tuple(a for a in remaining if a in allowed)
        if not left:
            return self._nobody(pending, record)
        notice = replace_fields(
            outcome_notice(pending, allowed, pending.dropped_emails + dropped, now),
            replaces=record.replaces,
        )
        return self._hand_out(mailer, notice, pending, record, left)

    def _hand_out(
        self,
        mailer: Mailer,
        notice: Notice,
        pending: PendingCancellation,
        record: CancellationRecord,
        left: tuple[str, ...],
    ) -> MailResult:
        from shared.notification.rendering import render  # loads the email package

        try:
            mail = render(notice, mailer.settings.sender)
            return self._delivered(pending, record, mailer.sender.send(mail, left))
        except MailAnswerLostError as error:
            lost = replace(pending, mail_answers_lost=pending.mail_answers_lost + 1)
            if lost.mail_answers_lost < MAX_LOST_ANSWERS:
                return self._later(lost, record, str(error))
            event("mail-counted-as-sent", request_id=record.request_id, level=logging.WARNING)
            return self._sent(lost, record, len(left))
        except MailBusyError:
            self._release(record)
            return MailLater(pending, BUSY_SECONDS)
        except MailDeferredError as error:
            return self._later(pending, record, str(error), error.retry_after)
        except MailRefusedError as error:
            return MailHopeless(str(error))

    def _delivered(
        self, pending: PendingCancellation, record: CancellationRecord, delivery: Delivery
    ) -> MailResult:
        served = replace(
            pending,
            remaining_emails=delivery.deferred,
            served_emails=pending.served_emails + len(delivery.accepted),
            refused_emails=pending.refused_emails + len(delivery.refused),
        )
        if delivery.refused:
            event(
                "recipients-refused",
                request_id=record.request_id,
                level=logging.WARNING,
                count=len(delivery.refused),
            )
        if delivery.deferred:
            return self._later(served, record, "recipients were deferred")
        if not served.served_emails:
            return MailHopeless("every recipient was refused for good")
        return self._sent(served, record, served.served_emails)

    def _sent(self, pending: PendingCancellation, record: CancellationRecord, count: int) -> Mailed:
        outcome, now = pending.outcome, self._clock()
        event(
            "mail-sent",
            request_id=record.request_id,
            outcome=outcome.name if outcome else None,
            recipients=count,
            secondsFromRequest=seconds_between(record.requested_at, now),
            secondsFromEnd=seconds_between(outcome.ended_at if outcome else None, now),
        )
        self._mark(record, Mail.SENT, "mail-sent", f"{count} recipients")
        return Mailed()

    def _nobody(self, pending: PendingCancellation, record: CancellationRecord) -> MailResult:
        """No recipient at all: the outcome is recorded and logged."""
        if pending.served_emails:
            return self._sent(pending, record, pending.served_emails)
        event("mail-to-nobody", request_id=record.request_id, level=logging.WARNING)
        self._mark(record, Mail.NOBODY, "mail-to-nobody", "no recipient")
        return Mailed()

    def _later(
        self,
        pending: PendingCancellation,
        record: CancellationRecord,
        why: str,
        retry_after: float | None = None,
    ) -> MailResult:
        now = self._clock()
        since = pending.mail_since or now
        if now - since >= RETRY_FOR:
            return MailHopeless(f"not sent within 3 days: {why}")
        reason = without_secrets(why)
        asked = min(retry_after or 0.0, MAX_ASKED_SECONDS)
        seconds = asked + backoff_seconds(RETRY_FIRST_SECONDS, pending.mail_failures)
        event(
            "mail-deferred",
            request_id=record.request_id,
            level=logging.WARNING,
            reason=reason,
            seconds=round(seconds, 1),
        )
        may_be_out = bool(pending.mail_answers_lost or pending.served_emails)
        self._mark(record, Mail.NONE, "mail-deferred", reason, may_be_out=may_be_out)
        failed = replace(pending, mail_failures=pending.mail_failures + 1, mail_since=since)
        return MailLater(failed, seconds)

    def _release(self, record: CancellationRecord) -> None:
        """Give the claim back, as if it had not been taken."""
        amend(self._ledger, record, lambda current: replace(current, mail=Mail.NONE))

    def give_up(self, record: CancellationRecord, why: str) -> None:
        """Mark the row of a mail that can reach nobody, once its poison record is written."""
        self._mark(record, Mail.FAILED, "mail-failed", without_secrets(why))

    def _mark(
        self,
        record: CancellationRecord,
        mail: Mail,
        step: str,
        detail: str,
        *,
        may_be_out: bool = False,
    ) -> None:
        """Write what became of the mail; once there is none to send, addresses go."""
        now = self._clock()
        keeps_addresses = mail is Mail.NONE

        def marked(current: CancellationRecord) -> CancellationRecord:
            return current.with_step(
                now,
                step,
                detail,
                mail=mail,
                mail_at=now,
                maybe_mailed_at=current.maybe_mailed_at or (now if may_be_out else None),
                emails=current.emails if keeps_addresses else (),
            )

        amend(self._ledger, record, marked)


def recipients_of(emails: tuple[str, ...], settings: MailSettings) -> tuple[tuple[str, ...], int]:
    """Whom to mail, and how many addresses may not be mailed to.

    Everything is checked here again: messages can be put on a queue by others.
    """
    valid, dropped = usable(emails)
    allowed = tuple(a for a in valid if is_allowed(a, settings.allowed_domains))
    return allowed or settings.default_emails, dropped + len(valid) - len(allowed)


def outcome_notice(
    pending: PendingCancellation, recipients: tuple[str, ...], dropped: int, now: datetime
) -> Notice:
    """What the mail about an outcome says."""
    return Notice(
        request_id=pending.request_id,
        publisher_id=pending.publisher_id,
        offer_id=pending.offer_id,
        requested_at=pending.requested_at,
        now=now,
        recipients=recipients,
        outcome=pending.outcome,
        reason=pending.reason,
        target_operation_id=pending.target_operation_id,
        post_sent_at=pending.post_sent_at,
        last_state=pending.last_state,
        last_state_at=pending.last_state_at,
        refusal=pending.refusal,
        last_error=pending.last_error,
        also_canceled=pending.also_canceled,
        newer_unknown=pending.newer_operations is None,
        dropped_emails=dropped,
        trace_id=trace_id_of(pending.traceparent),
    )
