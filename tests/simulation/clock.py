"""The simulation's one clock, which moves only when something is done or waited for."""

from datetime import UTC, datetime, timedelta

from devstack.partner_center.clock import Clock

LOOK_SECONDS = 2e-6
START = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


class SimulatedTime:
    """Seconds since the start, and the date that belongs to them."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> datetime:
        """The time now, which nobody else is told: no two look at a clock at the same moment."""
        self.seconds += LOOK_SECONDS
        return self.at(self.seconds)

    def at(self, seconds: float) -> datetime:
        return START + timedelta(seconds=seconds)

    def monotonic(self) -> float:
        return self.seconds

    def since_start(self, moment: datetime) -> float:
        return (moment - START).total_seconds()

    def advance(self, seconds: float) -> None:
        self.seconds += seconds

    def advance_to(self, seconds: float) -> None:
        self.seconds = max(self.seconds, seconds)


class PartnerCenterClock(Clock):
    """The simulated Partner Center's view of the same clock."""

    def __init__(self, time: SimulatedTime) -> None:
        self._time = time

    def now(self) -> float:
        return self._time.seconds

    def date(self, instant: float) -> datetime:
        return self._time.at(instant)
