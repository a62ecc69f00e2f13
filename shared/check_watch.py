"""Runs the checks every hour, so that an expired secret is known before the night it is needed.

When they ran, and of which problems people were told, is kept in the table: on the plan that this
runs on, processes come and go. While the table cannot be used, the process's own memory must do.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from textwrap import indent

import msgspec

from shared.checks import MAIL_CHECK, Check, CheckResult, Status, run_checks
from shared.errors import (
    ConfigurationError,
    InvalidRequestError,
    MailAnswerLostError,
    MailError,
    RowConflictError,
    StorageUnavailableError,
)
from shared.memory import Memory
from shared.models import from_json, to_json
from shared.notification.phrasing import plain
from shared.operator_mailing import mail_operators
from shared.outcome_mail import Mailer
from shared.telemetry import event, without_secrets

LOOK_EVERY = timedelta(minutes=10)
CHECK_EVERY = timedelta(hours=1)
TELL_EVERY = timedelta(days=1)
MEMORY_NAME = "checks"


class Remembered(msgspec.Struct, frozen=True, rename="camel"):
    """What is kept from one run to the next.

    Attributes:
        checked_at: When the checks ran last.
        told: The problems that people were mailed of, and when.
    """

    checked_at: datetime | None = None
    told: dict[str, datetime] = {}


class CheckWatch:
    """Runs the checks. Of two at once, one does."""

    def __init__(
        self,
        *,
        checks: Callable[[], Sequence[Check]],
        memory: Memory,
        mailer: Callable[[], Mailer],
        clock: Callable[[], datetime],
    ) -> None:
        """Work with these; ``mailer`` raises ``ConfigurationError`` until it can be had."""
        self._checks = checks
        self._memory = memory
        self._mailer = mailer
        self._clock = clock
        self._last = Remembered()

    def run_if_due(self) -> None:
        """Run the checks if nobody has within an hour, and tell of what is newly wrong."""
        now = self._clock()
        seen, version = self._recall()
        if seen.checked_at is not None and now - seen.checked_at < CHECK_EVERY:
            return
        recent = {key: at for key, at in seen.told.items() if now - at < TELL_EVERY}
        try:
            version = self._keep(Remembered(now, recent), version)
        except RowConflictError:
            return  # somebody else checks
        results = run_checks(self._checks())
        _log(results)
        fresh = [result for result in results if _is_to_be_told(result, recent)]
        if fresh and self._is_told(fresh, now):
            told = recent | {problem_of(result): now for result in fresh}
            try:
                self._keep(Remembered(now, told), version)
            except RowConflictError as error:
                event("check-memory-lost", level=logging.WARNING, reason=str(error))

    def _recall(self) -> tuple[Remembered, str | None]:
        """What is kept, and its version; None for the version while the table cannot be used."""
        try:
            text, version = self._memory.read(MEMORY_NAME)
        except StorageUnavailableError:
            return self._last, None
        try:
            return (from_json(text, Remembered) if text else Remembered()), version
        except InvalidRequestError:  # of another version of the app
            return Remembered(), version

    def _keep(self, remembered: Remembered, version: str | None) -> str | None:
        self._last = remembered
        if version is None:
            return None
        try:
            return self._memory.write(MEMORY_NAME, to_json(remembered), version)
        except StorageUnavailableError:
            return None

    def _is_told(self, problems: list[CheckResult], now: datetime) -> bool:
        """Mail them; what could not be mailed is tried again in an hour."""
        names = ", ".join(problem.name for problem in problems)
        try:
            mailer = self._mailer()
            if not mailer.settings.default_emails:
                return False
            subject = f"Offer Cancel needs mending: {names}"
            lines = list(_lines(problems))
            mail_operators(mailer, subject, lines, key=f"{names}|{now.date()}", now=now)
        except MailAnswerLostError:
            return True  # a second copy would say nothing new
        except (MailError, ConfigurationError) as error:
            reason = without_secrets(str(error))
            event("check-mail-deferred", level=logging.WARNING, reason=reason)
            return False
        return True


def problem_of(result: CheckResult) -> str:
    """The same for the same problem: what has to be mended, not how it was worded this time."""
    return f"{result.name}:{hashlib.sha256(result.mend.encode()).hexdigest()[:16]}"


def _is_to_be_told(result: CheckResult, told: dict[str, datetime]) -> bool:
    # That mail does not work cannot be mailed.
    is_problem = result.status is Status.FAILED and result.name != MAIL_CHECK
    return is_problem and problem_of(result) not in told


def _log(results: Sequence[CheckResult]) -> None:
    if passed := [result.name for result in results if result.status is Status.OK]:
        event("check-passed", checks=passed)
    for result in results:
        if result.status is Status.FAILED:
            event(
                "check-failed",
                level=logging.ERROR,
                check=result.name,
                reason=result.said,
                mend=result.mend,
            )


def _lines(problems: Iterable[CheckResult]) -> Iterator[str]:
    yield "The hourly checks have found something that keeps requests from being carried out, or"
    yield "will. Nothing is lost: requests wait. Each problem is mailed once a day at the most."
    for problem in problems:
        yield from ("", f"{problem.name}: {plain(problem.said, 500)}", indent(problem.mend, "  "))
    yield from ("", "WHEN IT IS MENDED, see whether it is", "  python -m shared.operate check")
