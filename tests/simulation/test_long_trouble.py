"""Hours of trouble with Partner Center, on the simulated clock, as `trouble` has them.

Requests wait with growing delays, ask seldom, go on by themselves when it is over, and end with
what stood in the way when it is not over in time.
"""

import pytest

from tests.simulation.oracle import NOT_YET, problems
from tests.simulation.trouble import DAY, HOUR, TROUBLES, trial

SCENARIOS = ["cancels-after-202", "cancels-by-new-operation", "not-migrated", "no-location"]
MOST_CALLS_A_DAY = 300
LONGEST_WAIT = 1080.0
TICK = 15.0
NOTICE_AT = (900.0, 900.0 + 60.0 + TICK)
STOOD_IN_THE_WAY = {
    "silent": "did not answer in time",
    "down": "503",
    "throttles": "429",
    "throttles the cancel call": "429",
    "throttles half of the calls": "429",
    "list is down": "500",
    "refuses the token": "401",
    "refuses the token of the cancel call": "401",
    "gives no token": "AADSTS7000222",
}
OF_READS = [each for each in TROUBLES if "cancel call" not in each and "half" not in each]
named = pytest.mark.parametrize("named", [False, True], ids=["newest", "named"])
scenarios = pytest.mark.parametrize("scenario", SCENARIOS)


@named
@scenarios
@pytest.mark.parametrize("trouble", [each for each in TROUBLES if "half" not in each])
def test_a_request_goes_on_by_itself_once_it_is_over(
    trouble: str, scenario: str, named: bool
) -> None:
    done = trial(trouble, 6, scenario=scenario, named=named)
    assert problems(done.world) == []
    assert not done.world.poisoned
    (notice, noticed_after), (outcome, mailed_after) = done.told
    assert (notice, outcome) == (NOT_YET, "canceled")
    assert NOTICE_AT[0] <= noticed_after <= NOTICE_AT[1]
    assert 6 * HOUR < mailed_after <= 6 * HOUR + LONGEST_WAIT + 4 * TICK
    assert done.troubled.most_calls_in_a_day < 150


@named
@scenarios
@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_request_that_is_too_old_by_then_ends_with_what_stood_in_the_way(
    trouble: str, scenario: str, named: bool
) -> None:
    done = trial(trouble, 30, scenario=scenario, named=named)
    assert not done.world.poisoned
    assert done.troubled.most_calls_in_a_day <= MOST_CALLS_A_DAY
    if "half" in trouble:  # which may let it through in time
        assert done.told[-1][0] in ("canceled", "expired")
        return
    assert problems(done.world) == []
    assert [outcome for outcome, _ in done.told] == [NOT_YET, "expired"]
    assert done.told[0][1] <= NOTICE_AT[1]
    assert DAY <= done.told[1][1] <= DAY + LONGEST_WAIT + 4 * TICK
    assert done.row.outcome is not None
    assert STOOD_IN_THE_WAY[trouble] in done.row.outcome.message
    assert STOOD_IN_THE_WAY[trouble] in done.world.mail.accepted[-1].text


@scenarios
@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_pending_cancellation_is_told_once_it_can_be_read_again(
    trouble: str, scenario: str
) -> None:
    done = trial(trouble, 6, scenario=scenario, after_the_call=True)
    assert problems(done.world) == []
    assert not done.world.poisoned
    [(outcome, mailed_after)] = done.told
    assert outcome == "canceled"
    assert mailed_after <= 6 * HOUR + LONGEST_WAIT + 4 * TICK
    assert done.troubled.most_calls_in_a_day < 150


@scenarios
@pytest.mark.parametrize("trouble", OF_READS)
def test_a_pending_cancellation_that_nobody_could_read_for_a_day_ends_as_unconfirmed(
    trouble: str, scenario: str
) -> None:
    done = trial(trouble, 30, scenario=scenario, after_the_call=True)
    assert not done.world.poisoned
    assert done.troubled.most_calls_in_a_day <= MOST_CALLS_A_DAY
    [(outcome, mailed_after)] = done.told
    if trouble == "list is down":  # which only tells what else was hit
        assert (outcome, mailed_after < 300) == ("canceled", True)
        return
    assert outcome == "unconfirmed"
    assert DAY <= mailed_after <= DAY + LONGEST_WAIT + 4 * TICK
    assert STOOD_IN_THE_WAY[trouble] in done.world.mail.accepted[-1].text


def test_a_publish_that_still_runs_at_its_deadline_does_not_wait_for_a_list_that_is_down() -> None:
    done = trial("list is down", 30, scenario="cancel-ignored", after_the_call=True)
    [(outcome, mailed_after)] = done.told
    assert outcome == "unconfirmed"
    assert 2 * HOUR <= mailed_after <= 3 * HOUR
    assert problems(done.world) == []


def test_a_publish_that_goes_on_whatever_is_said_is_read_for_two_hours() -> None:
    done = trial("silent", 0, scenario="cancel-ignored")
    [(outcome, mailed_after)] = done.told
    assert outcome == "unconfirmed"
    assert 2 * HOUR <= mailed_after <= 2.1 * HOUR
    assert done.troubled.most_calls_in_a_day <= MOST_CALLS_A_DAY


@pytest.mark.parametrize("after_the_call", [False, True])
@pytest.mark.parametrize("scenario", ["cancel-ignored", "words-unknown-end"])
@pytest.mark.parametrize("hours", [6, 20, 22])
@pytest.mark.parametrize("trouble", TROUBLES)
def test_hours_of_waiting_and_two_of_reading_keep_to_the_calls_of_a_day(
    trouble: str, hours: float, scenario: str, after_the_call: bool
) -> None:
    done = trial(trouble, hours, scenario=scenario, named=True, after_the_call=after_the_call)
    assert done.told[-1][0] == "unconfirmed"
    assert done.troubled.most_calls_in_a_day <= MOST_CALLS_A_DAY
