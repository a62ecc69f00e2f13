"""Tells once a minute that the poller runs, and how much there is to do: event ``poller-run``.

Azure's own count of a queue's messages is refreshed once a day and for the whole account only, so
the app reads its queues itself. What is known of rows comes from the sweep, which reads them
anyway.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Protocol

from shared.errors import StorageUnavailableError
from shared.record import CancellationRecord
from shared.telemetry import event


class Gauged(Protocol):
    """A queue that can be looked at from outside.

    Both methods raise ``StorageUnavailableError`` when the service cannot be reached.
    """

    def count(self) -> int:
        """About how many messages it has, hidden ones among them."""

    def front_since(self) -> datetime | None:
        """Since when the message that is next has been there; None where none is visible."""


class Tally:
    """What a sweep has seen of the rows that are not through."""

    def __init__(self) -> None:
        """Nothing is seen yet."""
        self.begin()

    def begin(self) -> None:
        """Count anew."""
        self.open: list[datetime] = []
        self.untold: list[datetime] = []

    def add(self, record: CancellationRecord) -> None:
        """Count a row: when it was asked for, or when its outcome, not mailed yet, was found."""
        if record.outcome is None:
            self.open.append(record.requested_at)
        else:
            self.untold.append(record.outcome.at)


class Gauges:
    """Reads the queues, and writes the event."""

    def __init__(
        self,
        *,
        requests: Gauged,
        pending: Gauged,
        poison: Iterable[Gauged],
        tally: Tally,
        clock: Callable[[], datetime],
    ) -> None:
        """Read both queues and their poison queues; ``tally`` is what the last sweep has seen."""
        self._requests = requests
        self._pending = pending
        self._poison = tuple(poison)
        self._tally = tally
        self._clock = clock

    def run(self) -> None:
        """Write the event; without what cannot be read, since the poller runs all the same."""
        queues, waiting_since = self._read_queues()
        waiting = [*self._tally.open, *([waiting_since] if waiting_since else [])]
        event(
            "poller-run",
            backlog=queues.get("backlog"),
            pending=queues.get("pending"),
            poison=queues.get("poison"),
            reason=queues.get("reason"),
            open=len(self._tally.open),
            oldestSeconds=self._age_of_first(waiting),
            untold=len(self._tally.untold),
            untoldSeconds=self._age_of_first(self._tally.untold),
        )

    def _read_queues(self) -> tuple[dict[str, Any], datetime | None]:
        """What is on them, and since when a message waits that may have no row yet."""
        found: dict[str, Any] = {}
        try:
            found["backlog"] = self._requests.count()
            found["pending"] = self._pending.count()
            found["poison"] = sum(queue.count() for queue in self._poison)
            return found, self._requests.front_since()
        except StorageUnavailableError as error:
            return found | {"reason": str(error)}, None

    def _age_of_first(self, times: list[datetime]) -> int:
        """In whole seconds; 0 where there is none."""
        ages = ((self._clock() - time).total_seconds() for time in times)
        return max(0, round(max(ages, default=0)))
