"""The simulator's time: seconds since it was made, and the date that belongs to them.

Everything that happens is computed from these seconds when it is read, so that a test can put a
clock of its own in place and move it instead of waiting.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class Clock:
    """Turns a monotonic reading into seconds since the start, and those into dates."""

    def __init__(self, read: Callable[[], float] = time.monotonic) -> None:
        """Starts at the present reading of `read`, which must never run backwards."""
        self._read = read
        self._zero = read()
        self._started = datetime.now(UTC)

    def now(self) -> float:
        """Seconds since the start."""
        return self._read() - self._zero

    def date(self, instant: float) -> datetime:
        """The date of an instant, which may lie before the start (negative)."""
        return self._started + timedelta(seconds=instant)
