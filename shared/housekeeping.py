"""Runs what has to be looked after once a minute, beside the polling that runs more often."""

from collections.abc import Callable
from datetime import datetime, timedelta

EVERY = timedelta(minutes=1)


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

        Raises:
            StorageUnavailableError: A task could not reach storage; the next run starts anew.
        """
        now = self._clock()
        if self._last is not None and now - self._last < EVERY:
            return
        self._last = now
        for task in self._tasks:
            task()
