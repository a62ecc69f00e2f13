"""How long a queue listener waits between polls of an empty queue."""

import random
from datetime import timedelta

_SHORTEST_SECONDS = 0.1
_JITTER = 0.2


class PollingBackoff:
    """Doubles from 100 ms up to ``maxPollingInterval``, each time off by up to a fifth."""

    def __init__(self, longest: timedelta) -> None:
        """Begin with the shortest interval."""
        self._longest_seconds = max(longest.total_seconds(), _SHORTEST_SECONDS)
        self.reset()

    def reset(self) -> None:
        """Begin again: there was a message."""
        self._seconds = _SHORTEST_SECONDS

    def next_seconds(self) -> float:
        """Return the interval to wait now, and make the next one longer."""
        seconds = self._seconds
        self._seconds = min(seconds * 2, self._longest_seconds)
        jittered = seconds * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311  # no secret
        return min(jittered, self._longest_seconds)
