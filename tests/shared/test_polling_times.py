from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.models import Refusal
from shared.observation import Reading
from shared.poll_times import is_overdue
from shared.polling import Finished, PollAgain, after_failure
from tests.shared.builders import CANCEL_ID, OTHER_ID, TARGET_ID, after, operation, pending
from tests.shared.polls import DEADLINE, World, poll

DAY = 24 * 3600
RUNS = operation("running")
CANCELED = operation("canceled")


def seconds(done: Any) -> float:
    assert isinstance(done, PollAgain)
    return done.seconds


def test_only_time_in_which_partner_center_could_be_read_counts() -> None:
    first = poll(pending(), World(location=RUNS), after(10)).pending
    assert (first.readable_seconds, first.last_poll_at) == (0.0, after(10))
    second = poll(first, World(location=RUNS), after(25)).pending
    assert second.readable_seconds == 15.0
    failed = after_failure(second, "503", None, after(400)).pending
    assert (failed.readable_seconds, failed.last_poll_at) == (15.0, None)
    third = poll(failed, World(location=RUNS), after(5000)).pending
    assert third.readable_seconds == 15.0
    assert poll(third, World(location=RUNS), after(5013)).pending.readable_seconds == 28.0


def test_a_clock_that_goes_back_takes_no_time_away() -> None:
    state = pending(last_poll_at=after(100), readable_seconds=50.0)
    assert poll(state, World(location=RUNS), after(90)).pending.readable_seconds == 50.0


def test_a_poll_counts_and_forgets_the_failures_before_it() -> None:
    state = pending(polls=3, failures=4, last_error="503")
    done = poll(state, World(location=RUNS)).pending
    assert (done.polls, done.failures, done.last_error) == (4, 0, "")


@pytest.mark.parametrize(
    ("changes", "now", "overdue"),
    [
        ({"readable_seconds": 7199.9}, 8000, False),
        ({"readable_seconds": 7200.0}, 8000, True),
        ({}, DAY - 0.1, False),
        ({}, DAY, True),
        ({"post_sent_at": after(100)}, DAY, False),
        ({"post_sent_at": after(100)}, DAY + 100, True),
        ({"post_sent_at": None}, DAY, True),
    ],
)
def test_the_deadline_is_readable_time_and_24_hours_after_the_call(
    changes: dict[str, Any], now: float, overdue: bool
) -> None:
    assert is_overdue(pending(**changes), after(now), DEADLINE) is overdue


def test_past_the_deadline_an_operation_that_still_runs_is_unconfirmed() -> None:
    late = pending(readable_seconds=7200.0)
    done = poll(late, World(location=RUNS))
    assert done.outcome == "unconfirmed"
    assert isinstance(done.end, Finished)
    assert done.end.outcome.operation_state == "running"


def test_past_the_deadline_the_target_is_looked_at_behind_a_cancel_operation() -> None:
    late = pending(
        location=pending().location.replace(TARGET_ID, CANCEL_ID),  # type: ignore[union-attr]
        readable_seconds=7200.0,
    )
    stuck = operation("running", CANCEL_ID)
    done = poll(late, World(location=stuck, target=CANCELED))
    assert (done.readings, done.outcome) == ([Reading.LOCATION, Reading.TARGET], "canceled")
    assert poll(late, World(location=stuck, target=RUNS)).outcome == "unconfirmed"


def test_past_the_deadline_the_list_is_asked_about_a_path_that_says_it_still_runs() -> None:
    late = pending(readable_seconds=7200.0)
    done = poll(late, World(location=RUNS, listing=(CANCELED,)))
    assert (done.readings, done.outcome) == ([Reading.LOCATION, Reading.LISTING], "canceled")


def test_the_last_deadline_counts_from_when_polling_began() -> None:
    second_call = pending(post_sent_at=after(0), followed_since=after(30 * 3600))
    assert not is_overdue(second_call, after(30 * 3600 + 60), DEADLINE)
    assert is_overdue(second_call, after(54 * 3600), DEADLINE)


def test_a_long_gap_between_polls_is_not_time_in_which_anybody_read() -> None:
    idle = pending(last_poll_at=after(0))
    assert poll(idle, World(location=RUNS), after(3 * 3600)).pending.readable_seconds == 900.0


def test_past_the_deadline_a_true_end_is_still_told() -> None:
    late = pending(readable_seconds=7200.0)
    assert poll(late, World(location=CANCELED)).outcome == "canceled"
    nowhere = pending(readable_seconds=7200.0, last_state="running")
    assert poll(nowhere, World()).outcome == "unconfirmed"


def test_unconfirmed_keeps_a_refusal_and_the_last_state() -> None:
    state = pending(
        readable_seconds=7200.0,
        last_state="running",
        refusal=Refusal(status_code=409, code="Conflict", message="Another cancel runs."),
    )
    end = poll(state, World()).end
    assert isinstance(end, Finished)
    outcome = end.outcome
    assert (outcome.code, outcome.message) == ("Conflict", "Another cancel runs.")
    assert outcome.operation_state == "running"


def test_without_a_refusal_unconfirmed_says_what_stood_in_the_way() -> None:
    gone = after_failure(pending(), "503 from Partner Center", None, after(DAY))
    assert isinstance(gone, Finished)
    assert gone.outcome.message == "503 from Partner Center"
    assert gone.pending.failures == 1


@pytest.mark.parametrize("asked", [100.0, 900.0])
def test_an_answer_that_asks_to_wait_is_waited_for(asked: float) -> None:
    patient = operation("running", retry_after=asked)
    assert seconds(poll(pending(), World(location=patient)).end) == asked
    by_target = pending(location=None)
    assert seconds(poll(by_target, World(target=patient)).end) == asked


def test_an_answer_that_asks_for_less_than_a_tick_changes_nothing() -> None:
    hasty = operation("running", retry_after=0.0)
    assert seconds(poll(pending(), World(location=hasty)).end) >= 13 * 0.9


@pytest.mark.parametrize(
    ("failures", "least", "most"),
    [(0, 11.7, 14.3), (1, 11.7, 26), (3, 11.7, 104), (6, 11.7, 832), (7, 900, 1080)],
)
def test_failures_in_a_row_are_waited_for_longer_each_time(
    failures: int, least: float, most: float
) -> None:
    found = [
        seconds(after_failure(pending(failures=failures), "503", None, after(60)))
        for _ in range(200)
    ]
    assert least <= min(found) <= max(found) <= most
    assert max(found) > most * 0.9


def test_a_failure_is_never_polled_sooner_than_a_poll_that_succeeded() -> None:
    found = [seconds(after_failure(pending(), "503", None, after(8 * 3600))) for _ in range(50)]
    assert min(found) >= 8 * 3600 / 40 * 0.9


def test_a_failure_waits_as_asked_up_to_15_minutes() -> None:
    assert seconds(after_failure(pending(), "429", 300.0, after(60))) == 300.0
    assert seconds(after_failure(pending(), "429", 5000.0, after(60))) == 900.0


def test_a_failure_is_counted_with_its_reason() -> None:
    failed = after_failure(pending(failures=2, polls=5), "503", None, after(60)).pending
    assert (failed.failures, failed.last_error, failed.polls) == (3, "503", 5)


def test_failures_end_after_24_hours_and_not_before() -> None:
    assert isinstance(after_failure(pending(), "503", None, after(DAY - 0.1)), PollAgain)
    ended = after_failure(pending(), "503", None, after(DAY))
    assert isinstance(ended, Finished)
    assert ended.outcome.name == "unconfirmed"


NEWER = operation("canceled", OTHER_ID, started_at=after(3))
NEWER_BEING_CANCELED = operation("running", OTHER_ID, started_at=after(3), is_being_canceled=True)
NEWER_RUNS = operation("running", OTHER_ID, started_at=after(3))


HITS: dict[str, tuple[Any, Any, tuple[str, ...]]] = {
    "one that appeared and was canceled": ((OTHER_ID,), (NEWER, CANCELED), (OTHER_ID,)),
    "one that is being canceled": ((OTHER_ID,), (NEWER_BEING_CANCELED,), (OTHER_ID,)),
    "one that appeared and runs": ((OTHER_ID,), (NEWER_RUNS, CANCELED), ()),
    "one that is no longer shown": ((OTHER_ID,), (CANCELED,), ()),
    "nothing without a list": ((OTHER_ID,), None, ()),
    "another one than appeared": ((CANCEL_ID,), (NEWER, CANCELED), ()),
    "any later one where nobody saw": (None, (NEWER, CANCELED), (OTHER_ID,)),
    "no earlier one where nobody saw": (
        None,
        (operation("canceled", OTHER_ID, started_at=after(-5.1)), CANCELED),
        (),
    ),
    "one within the tolerance where nobody saw": (
        None,
        (operation("canceled", OTHER_ID, started_at=after(-5)), CANCELED),
        (OTHER_ID,),
    ),
    "none without a start where nobody saw": (
        None,
        (operation("canceled", OTHER_ID), CANCELED),
        (),
    ),
    "never the target itself": (None, (operation("canceled", started_at=after(3)),), ()),
}


@pytest.mark.parametrize(("newer", "listing", "named"), HITS.values(), ids=HITS)
def test_at_its_end_a_cancellation_names_what_else_it_may_have_hit(
    newer: Any, listing: Any, named: tuple[str, ...]
) -> None:
    state = pending(newer_operations=newer)
    done = poll(state, World(location=CANCELED, listing=listing))
    assert done.readings == [Reading.LOCATION, Reading.LISTING]
    assert (done.outcome, done.pending.also_canceled) == ("canceled", named)


def test_what_was_named_before_stays_named_once() -> None:
    state = pending(newer_operations=(OTHER_ID,), also_canceled=(CANCEL_ID, OTHER_ID))
    done = poll(state, World(location=CANCELED, listing=(NEWER, CANCELED)))
    assert done.pending.also_canceled == (CANCEL_ID, OTHER_ID)


def test_newer_operations_are_read_at_the_end_only() -> None:
    state = pending(newer_operations=(OTHER_ID,))
    assert poll(state, World(location=RUNS)).readings == [Reading.LOCATION]
    late = pending(newer_operations=None, readable_seconds=7200.0)
    done = poll(late, World(location=RUNS, listing=(RUNS,)))
    assert done.readings == [Reading.LOCATION, Reading.LISTING]


def test_what_nobody_saw_stays_unknown_where_the_list_is_gone() -> None:
    gone = poll(pending(newer_operations=None), World(location=CANCELED)).pending
    assert gone.newer_operations is None
    read = poll(pending(newer_operations=None), World(location=CANCELED, listing=())).pending
    assert read.newer_operations == ()


@given(
    failures=st.integers(0, 10**6),
    retry_after=st.none() | st.floats(0, 10**6),
    age=st.floats(0, DAY - 1),
)
def test_a_failure_is_always_retried_within_18_minutes(
    failures: int, retry_after: float | None, age: float
) -> None:
    again = after_failure(pending(failures=failures), "503", retry_after, after(age))
    assert 0 < seconds(again) <= 1080


@given(st.lists(st.floats(0, 3600), max_size=20))
def test_readable_time_is_never_more_than_what_passed(gaps: list[float]) -> None:
    state, now = pending(), after(0)
    for gap in gaps:
        now += timedelta(seconds=gap)
        state = poll(state, World(location=RUNS), now).pending
    assert state.readable_seconds <= (now - after(0)).total_seconds() + 1e-3
