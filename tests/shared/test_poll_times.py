import pytest

from shared.observation import Reading
from shared.poll_times import next_poll_seconds
from shared.polling import PollAgain
from tests.shared.builders import after, operation, pending
from tests.shared.polls import World, poll

DAY = 24 * 3600


@pytest.mark.parametrize(
    ("age", "nominal"),
    [(0, 13), (1199.9, 13), (1200, 30), (2400, 60), (7200, 180), (36_000, 900), (80_000, 900)],
)
def test_polls_come_every_tick_for_20_minutes_then_each_fortieth_of_the_age(
    age: float, nominal: float
) -> None:
    found = {next_poll_seconds(pending(), after(age)) for _ in range(200)}
    assert nominal * 0.9 <= min(found) < nominal < max(found) <= nominal * 1.1


def test_the_age_of_a_cancellation_without_a_call_is_that_of_the_request() -> None:
    assert next_poll_seconds(pending(post_sent_at=None), after(20_000)) >= 450


def test_a_cancellation_whose_request_is_old_is_polled_each_tick_at_first() -> None:
    late = pending(followed_since=after(80_000))
    assert next_poll_seconds(late, after(80_060)) < 15


@pytest.mark.parametrize(("age", "nominal"), [(599, 13), (600, 30), (1200, 60), (18_000, 900)])
def test_a_poll_of_two_readings_waits_as_at_twice_the_age(age: float, nominal: float) -> None:
    unheard_of = World(location=operation("unknown"), listing=(operation("unknown"),))
    assert poll(pending(), unheard_of).readings == [Reading.LOCATION, Reading.LISTING]
    found = poll(pending(), unheard_of, after(age)).end
    assert isinstance(found, PollAgain)
    assert nominal * 0.9 <= found.seconds <= nominal * 1.1


@pytest.mark.parametrize(
    ("waited", "age", "nominal"),
    [(0.5, 599, 13), (0.5, 600, 30), (0.75, 300, 30), (0.999, 7200, 900), (2, 1199, 13)],
)
def test_the_longer_the_cancel_call_was_tried_the_faster_polls_grow_rare(
    waited: float, age: float, nominal: float
) -> None:
    late = pending(followed_since=after(waited * DAY))
    found = next_poll_seconds(late, after(waited * DAY + age))
    assert nominal * 0.9 <= found <= nominal * 1.1
