"""Polls of a pending cancellation: what Partner Center would show, and what comes of it."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from shared.models import Operation, PendingCancellation
from shared.observation import Observation, Reading
from shared.partner_center.protocol import OfferStatus
from shared.polling import Finished, PollAgain, Read, decide
from tests.shared.builders import after

DEADLINE = timedelta(minutes=120)
MOST_READINGS = len(Reading)


@dataclass(frozen=True, kw_only=True)
class World:
    """What each reading would show."""

    location: Operation | None = None
    target: Operation | None = None
    listing: tuple[Operation, ...] | None = None
    status: OfferStatus | None = None


@dataclass(kw_only=True)
class Poll:
    """One poll: the readings in their order, and its end."""

    end: Finished | PollAgain
    readings: list[Reading] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        """The outcome's name, or an empty string."""
        return self.end.outcome.name if isinstance(self.end, Finished) else ""

    @property
    def pending(self) -> PendingCancellation:
        """The state after the poll."""
        return self.end.pending


def poll(state: PendingCancellation, world: World, now: datetime | None = None) -> Poll:
    """One poll, 20 seconds after the request unless said otherwise."""
    seen = Observation()
    readings: list[Reading] = []
    while True:
        decision = decide(state, seen, now or after(20), DEADLINE)
        if not isinstance(decision, Read):
            return Poll(end=decision, readings=readings)
        assert decision.reading not in readings, "a reading that is made already"
        readings.append(decision.reading)
        shown: Any = getattr(world, decision.reading.name.lower())
        seen = replace(
            seen,
            done=seen.done | {decision.reading},
            **{decision.reading.name.lower(): shown},
        )
