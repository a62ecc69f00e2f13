import json
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from shared.errors import ConfigurationError, StorageUnavailableError
from shared.housekeeping import Housekeeping, SeldomTask
from tests.shared.builders import REQUESTED


class Hand:
    """A clock that is moved by hand, and a note of what ran when."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.ran: list[tuple[str, float]] = []

    def __call__(self) -> datetime:
        return REQUESTED + timedelta(seconds=self.seconds)

    def task(self, name: str) -> Callable[[], None]:
        return lambda: self.ran.append((name, self.seconds))


@pytest.fixture
def clock() -> Hand:
    return Hand()


def ticks(housekeeping: Housekeeping, clock: Hand, seconds: float, step: float = 15) -> None:
    end = clock.seconds + seconds
    while clock.seconds <= end:
        housekeeping.run_if_due()
        clock.seconds += step


def test_tasks_run_once_a_minute_in_their_order(clock: Hand) -> None:
    ticks(Housekeeping((clock.task("a"), clock.task("b")), clock), clock, 150)
    assert clock.ran == [(name, at) for at in (0, 60, 120) for name in "ab"]


@pytest.mark.parametrize("minutes", [1, 10, 60])
def test_a_seldom_task_runs_at_once_and_then_by_its_own_period(clock: Hand, minutes: int) -> None:
    seldom = SeldomTask(clock.task("s"), every=timedelta(minutes=minutes), clock=clock)
    ticks(Housekeeping((seldom,), clock), clock, 7200)
    assert clock.ran == [("s", at) for at in range(0, 7201, minutes * 60)]


def test_a_task_that_fails_keeps_no_other_from_running(clock: Hand) -> None:
    failures = [StorageUnavailableError("down")]

    def fails_once() -> None:
        if failures:
            raise failures.pop()

    housekeeping = Housekeeping((fails_once, clock.task("after")), clock)
    ticks(housekeeping, clock, 60)
    assert (clock.ran, failures) == ([("after", 0), ("after", 60)], [])


def test_a_task_whose_settings_are_wrong_says_every_problem(
    clock: Hand, caplog: pytest.LogCaptureFixture
) -> None:
    def misconfigured() -> None:
        raise ConfigurationError("Policy", ("A is wrong", "B is wrong"))

    Housekeeping((misconfigured, clock.task("after")), clock).run_if_due()
    [told] = map(json.loads, caplog.messages)
    assert (told["event"], told["problems"]) == ("settings-unusable", ["A is wrong", "B is wrong"])
    assert clock.ran == [("after", 0)]


def test_a_seldom_task_that_fails_waits_like_one_that_ran(clock: Hand) -> None:
    def fails() -> None:
        clock.ran.append(("s", clock.seconds))
        raise StorageUnavailableError("down")

    seldom = SeldomTask(fails, every=timedelta(minutes=10), clock=clock)
    with pytest.raises(StorageUnavailableError):
        seldom()
    clock.seconds = 599
    seldom()
    assert clock.ran == [("s", 0)]
