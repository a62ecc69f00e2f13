import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.backoff import MAX_BACKOFF_SECONDS, backoff_seconds

MANY = range(400)


@pytest.mark.parametrize(
    ("failures", "ceiling"),
    [(0, 15), (1, 30), (2, 60), (5, 480)],
)
def test_the_most_that_is_waited_doubles(failures: int, ceiling: float) -> None:
    found = [backoff_seconds(15, failures) for _ in MANY]
    assert max(found) <= ceiling
    assert max(found) > ceiling * 0.9


def test_the_jitter_is_full() -> None:
    found = [backoff_seconds(15, 3) for _ in MANY]
    assert min(found) < 120 * 0.1
    assert len(set(found)) > len(MANY) / 2


@pytest.mark.parametrize(("asked", "least"), [(0.0, 1.0), (100.0, 100.0), (900.0, 900.0)])
def test_it_never_waits_less_than_asked_or_a_second(asked: float, least: float) -> None:
    assert all(backoff_seconds(15, 0, asked) >= least for _ in MANY)


def test_nobody_can_ask_for_more_than_15_minutes() -> None:
    assert backoff_seconds(15, 0, 86_400.0) == MAX_BACKOFF_SECONDS


@pytest.mark.parametrize("failures", [6, 60, 10**6])
def test_at_its_longest_it_waits_15_to_18_minutes(failures: int) -> None:
    found = [backoff_seconds(15, failures) for _ in MANY]
    assert min(found) >= 900
    assert max(found) <= 1080
    assert max(found) - min(found) > 150


def test_what_fails_all_day_is_tried_less_than_100_times() -> None:
    waited, tries = 0.0, 1
    while waited < 24 * 3600:
        waited += backoff_seconds(15, tries - 1)
        tries += 1
    assert 80 < tries < 100


@given(
    first=st.floats(0.001, 604_800),
    failures=st.integers(0, 10**9),
    asked=st.none() | st.floats(0, 10**9),
)
def test_no_wait_is_longer_than_18_minutes(
    first: float, failures: int, asked: float | None
) -> None:
    assert 0 <= backoff_seconds(first, failures, asked) <= 1080
