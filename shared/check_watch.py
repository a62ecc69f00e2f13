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
from msgspec.structs import replace

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
_CHECK = "python -m shared.operate check --deployed"


class Remembered(msgspec.Struct, frozen=True, rename="camel"):
    """What is kept from one run to the next.

    Attributes:
        checked_at: When the checks ran last, or began to; None to have them run soon.
        told: The problems that people were mailed of, and when.
        found_at: When the last checks ended.
        found: What they found, for whoever is not the app and cannot try its identity.
    """

    checked_at: datetime | None = None
    told: dict[str, datetime] = {}
    found_at: datetime | None = None
    found: tuple[CheckResult, ...] = ()


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
            version = self._keep(replace(seen, checked_at=now, told=recent), version)
        except RowConflictError:
            return  # somebody else checks
        results = run_checks(self._checks())
        _log(results)
        fresh = [result for result in results if _is_to_be_told(result, recent)]
        told = {problem_of(result): now for result in fresh} if self._is_told(fresh, now) else {}
        try:
            self._keep(Remembered(now, recent | told, self._clock(), tuple(results)), version)
        except RowConflictError as error:
            event("check-memory-lost", level=logging.WARNING, reason=str(error))

    def _recall(self) -> tuple[Remembered, str | None]:
        """What is kept, and its version; None for the version while the table cannot be used."""
        try:
            return _read(self._memory)
        except StorageUnavailableError:
            return self._last, None

    def _keep(self, remembered: Remembered, version: str | None) -> str | None:
        self._last = remembered
        if version is None:
            return None
        try:
            return self._memory.write(MEMORY_NAME, to_json(remembered), version)
        except StorageUnavailableError:
            return None

    def _is_told(self, problems: list[CheckResult], now: datetime) -> bool:
        """Mail them, if there are any; what could not be mailed is tried again in an hour."""
        if not problems:
            return False
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


def last_found(memory: Memory) -> Remembered:
    """What the app found when it last checked; raises ``StorageUnavailableError``."""
    return _read(memory)[0]


def check_soon(memory: Memory) -> None:
    """Have the app check when it next looks whether it is due, every ten minutes.

    Raises:
        StorageUnavailableError: The table cannot be read, or not be written.
        RowConflictError: The app has written just now; try again.
    """
    seen, version = _read(memory)
    memory.write(MEMORY_NAME, to_json(replace(seen, checked_at=None)), version)


def _read(memory: Memory) -> tuple[Remembered, str]:
    text, version = memory.read(MEMORY_NAME)
    try:
        return (from_json(text, Remembered) if text else Remembered()), version
    except InvalidRequestError:  # of another version of the app
        return Remembered(), version


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
    yield from (
        "",
        "WHEN IT IS MENDED, have the app check, and ten minutes later see what it found",
    )
    yield from (f"  {_CHECK} --again", f"  {_CHECK}")
