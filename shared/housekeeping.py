"""Runs what has to be looked after once a minute, beside the polling that runs more often."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from shared.errors import ConfigurationError
from shared.telemetry import event, settings_unusable

# Less than the minute that is meant: a tick that comes a little early must not be passed over.
EVERY = timedelta(seconds=50)


class SeldomTask:
    """A task that is due less often than every minute.

    What a process remembers dies with it, and a new one runs the task at once: it has to bear that.
    """

    def __init__(
        self, task: Callable[[], None], *, every: timedelta, clock: Callable[[], datetime]
    ) -> None:
        """Run this task so often at the most."""
        self._task = task
        self._every = every
        self._clock = clock
        self._last: datetime | None = None

    def __call__(self) -> None:
        """Run it, unless it ran a short while ago."""
        now = self._clock()
        if self._last is not None and now - self._last < self._every:
            return
        self._last = now
        self._task()


class Housekeeping:
    """Runs its tasks at most once a minute in this process."""

    def __init__(
        self, tasks: tuple[Callable[[], None], ...], clock: Callable[[], datetime]
    ) -> None:
        """Run these tasks, in this order."""
        self._tasks = tasks
        self._clock = clock
        self._last: datetime | None = None

    def run_if_due(self) -> None:
        """Run the tasks, unless they ran within the last minute.

        One that fails keeps no other from running; it starts anew in the next run.
        """
        now = self._clock()
        if self._last is not None and now - self._last < EVERY:
            return
        self._last = now
        for task in self._tasks:
            try:
                task()
            except ConfigurationError as error:
                settings_unusable(error)
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                event("housekeeping-failed", level=logging.ERROR, reason=reason)
