"""Tells the people who run this of what was poisoned: one mail for all that was newly noticed.

A record is marked as told after its mail went out, so that none is forgotten while mail is down; a
crash in between leads to a second mail.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from msgspec.structs import replace

from shared.backoff import backoff_seconds
from shared.errors import (
    ConfigurationError,
    InvalidRequestError,
    MailAnswerLostError,
    MailError,
    QueueLeaseLostError,
)
from shared.notification.phrasing import duration, moment, plain
from shared.operator_mailing import mail_operators
from shared.outcome_mail import MAX_LOST_ANSWERS, Mailer
from shared.poison import PoisonRecord
from shared.poison_shelf import PoisonShelf, Shelved
from shared.poisoned import request_in
from shared.telemetry import event, masked, settings_unusable, without_secrets

MOST_LISTED = 50
LEASE_SECONDS = 360.0  # a mail may take five minutes
_RETRY_FIRST_SECONDS = 60.0
_MAX_REASON_CHARACTERS = 300


class PoisonDigest:
    """Mails digests. Of two at once each tells what it has in hand."""

    def __init__(
        self,
        *,
        shelf: PoisonShelf,
        mailer: Callable[[], Mailer],
        clock: Callable[[], datetime],
    ) -> None:
        """Work with these; ``mailer`` raises ``ConfigurationError`` until it can be had."""
        self._shelf = shelf
        self._mailer = mailer
        self._clock = clock
        self._failures = 0
        self._answers_lost = 0
        self._not_before: datetime | None = None

    def run(self) -> None:
        """Tell of what was noticed and not told of yet; later, if mail is down.

        Raises:
            StorageUnavailableError: A poison queue cannot be reached.
        """
        now = self._clock()
        is_waiting = self._not_before is not None and now < self._not_before
        if is_waiting or not self._shelf.may_have(_is_untold):
            return
        try:
            mailer = self._mailer()
        except ConfigurationError as error:
            settings_unusable(error)
            return
        if mailer.settings.default_emails:  # otherwise the event of each must do
            self._tell(mailer, now)

    def _tell(self, mailer: Mailer, now: datetime) -> None:
        with self._shelf.opened(LEASE_SECONDS) as shelf:
            untold = [each for each in enumerate(shelf, 1) if _is_untold(each[1].record)]
            for shelved in shelf:
                if not _is_untold(shelved.record):
                    shelved.put_down()  # a person may want to see it, however long mail takes
            if untold and self._is_sent(mailer, untold, now):
                for _, shelved in untold:
                    with contextlib.suppress(QueueLeaseLostError):
                        shelved.rewrite(replace(shelved.record, digested_at=now))

    def _is_sent(self, mailer: Mailer, untold: list[tuple[int, Shelved]], now: datetime) -> bool:
        count = len(untold)
        subject = f"Poison: {count} message{'s' if count > 1 else ''} nobody could process"
        try:
            # The ids tell one digest from another, and a repeated one from a new one.
            key = "|".join(sorted(shelved.message.id for _, shelved in untold))
            mail_operators(mailer, subject, list(_lines(untold, now)), key=key, now=now)
        except MailAnswerLostError as error:
            self._answers_lost += 1
            if self._answers_lost < MAX_LOST_ANSWERS:
                self._wait(error, now)
                return False
        except MailError as error:
            self._wait(error, now)
            return False
        self._failures, self._answers_lost, self._not_before = 0, 0, None
        event("poison-digest-sent", count=count)
        return True

    def _wait(self, error: MailError, now: datetime) -> None:
        seconds = backoff_seconds(_RETRY_FIRST_SECONDS, self._failures)
        self._failures += 1
        self._not_before = now + timedelta(seconds=seconds)
        reason = without_secrets(str(error))
        event("poison-digest-deferred", level=logging.ERROR, reason=reason)


def _is_untold(record: PoisonRecord) -> bool:
    return record.noticed_at is not None and record.digested_at is None


def _lines(untold: list[tuple[int, Shelved]], now: datetime) -> Iterator[str]:
    yield "These messages could not be processed. They were put aside until somebody deals with"
    yield "them. Whoever asked was told to act in Partner Center, where that could be read."
    for number, shelved in untold[:MOST_LISTED]:
        yield ""
        yield f"{number}. {_offer_of(shelved)}, on {shelved.queue_name}"
        yield f"   request {plain(shelved.record.request_id, 60) or 'without an id'}"
        yield f"   {_age(shelved, now)}"
        yield f"   {masked(plain(shelved.record.reason, _MAX_REASON_CHARACTERS))}"
    if len(untold) > MOST_LISTED:
        yield from ("", f"... and {len(untold) - MOST_LISTED} more.")
    first = untold[0]
    yield from (
        "",
        "HOW TO LOOK, with the settings of the function app in the environment",
        "  python -m shared.operate list",
        f"  python -m shared.operate show {plain(first[1].record.request_id, 60) or first[0]}",
        "WHEN THE CAUSE IS MENDED",
        "  python -m shared.operate redrive --help",
        "WHEN NOBODY NEEDS IT ANY MORE",
        "  python -m shared.operate drop --help",
    )


def _age(shelved: Shelved, now: datetime) -> str:
    return f"asked {moment(shelved.requested_at)}, {duration(now - shelved.requested_at)} ago"


def _offer_of(shelved: Shelved) -> str:
    try:
        request = request_in(shelved.record, shelved.queue_name)
    except InvalidRequestError:
        return "unreadable"
    return f"{request.publisher_id}/{request.offer_id}"
