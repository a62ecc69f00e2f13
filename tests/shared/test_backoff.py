import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.backoff import MAX_BACKOFF_SECONDS, backoff_seconds

MANY = range(400)


@pytest.mark.parametrize(
    ("failures", "ceiling"),
    [(0, 15), (1, 30), (2, 60), (5, 480), (6, 900), (60, 900), (10**6, 900)],
)
def test_the_most_that_is_waited_doubles_up_to_15_minutes(failures: int, ceiling: float) -> None:
    found = [backoff_seconds(15, failures) for _ in MANY]
    assert max(found) <= ceiling
    assert max(found) > ceiling * 0.9


def test_the_jitter_is_full() -> None:
    found = [backoff_seconds(15, 3) for _ in MANY]
    assert min(found) < 120 * 0.1
    assert len(set(found)) > len(MANY) / 2


@pytest.mark.parametrize(("asked", "least"), [(0.0, 0.0), (100.0, 100.0), (900.0, 900.0)])
def test_it_never_waits_less_than_asked(asked: float, least: float) -> None:
    assert all(backoff_seconds(15, 0, asked) >= least for _ in MANY)


def test_it_never_waits_longer_than_15_minutes_even_when_asked() -> None:
    assert backoff_seconds(15, 0, 86_400.0) == MAX_BACKOFF_SECONDS


@given(
    first=st.floats(0.001, 604_800),
    failures=st.integers(0, 10**9),
    asked=st.none() | st.floats(0, 10**9),
)
def test_any_wait_is_within_15_minutes(first: float, failures: int, asked: float | None) -> None:
    assert 0 <= backoff_seconds(first, failures, asked) <= MAX_BACKOFF_SECONDS
