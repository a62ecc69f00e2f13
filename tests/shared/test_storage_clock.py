"""What Storage's answers tell of its clock: no more than is sure."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import requests

from shared.storage_clock import StorageClock

NOW = datetime(2026, 11, 21, 12, 0, 0, 400_000, tzinfo=UTC)


def answer(date: str, *, took_seconds: float = 0.05) -> requests.Response:
    answered = requests.Response()
    answered.headers["Date"] = date
    answered.elapsed = timedelta(seconds=took_seconds)
    return answered


def dated(seconds_ahead: float) -> str:
    return format_datetime(NOW + timedelta(seconds=seconds_ahead), usegmt=True)


def ahead(*answers: requests.Response) -> float:
    """By how much Storage's clock is taken to be ahead, in seconds."""
    clock = StorageClock(lambda: NOW)
    for each in answers:
        clock.observe(each)
    return (NOW - clock.ours(NOW)).total_seconds()


def test_before_any_answer_the_clocks_are_taken_for_one() -> None:
    assert ahead() == 0


@pytest.mark.parametrize("seconds", [-300, -10, 10, 300])
def test_a_clock_that_is_off_is_known_to_the_second(seconds: float) -> None:
    assert abs(ahead(answer(dated(seconds))) - seconds) <= 1


def test_whole_seconds_are_no_difference() -> None:
    assert ahead(answer(dated(0))) == 0
    assert ahead(answer(dated(-0.4))) == 0


def test_a_slow_answer_is_no_difference() -> None:
    assert ahead(answer(dated(-20), took_seconds=20)) == 0
    assert ahead(answer(dated(-300), took_seconds=20)) == pytest.approx(-279.4)


def test_the_last_answer_counts() -> None:
    assert ahead(answer(dated(300)), answer(dated(0))) == 0


@pytest.mark.parametrize("date", ["", "soon", "Sat, 99 Nov 2026 12:00:00 GMT"])
def test_a_date_that_cannot_be_read_changes_nothing(date: str) -> None:
    known = ahead(answer(dated(300)))
    assert ahead(answer(dated(300)), answer(date)) == known
