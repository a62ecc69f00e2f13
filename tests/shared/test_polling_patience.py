"""For how many failures in a row an outcome waits for a reading."""

from typing import Any

import pytest
from msgspec.structs import replace

from shared.models import Operation
from shared.observation import Observation, Reading
from shared.polling import Finished, Read, decide, without_reading
from tests.shared.builders import OTHER_ID, after, operation, pending
from tests.shared.polls import DEADLINE

RUNS = operation("running")
CANCELED = operation("canceled")


@pytest.mark.parametrize("newer", [None, (OTHER_ID,)])
def test_an_outcome_waits_for_what_else_was_hit_only_so_long(newer: Any) -> None:
    ended = Observation(done=frozenset({Reading.LOCATION}), location=CANCELED)
    state = pending(newer_operations=newer, failures=1)
    wanted = decide(state, ended, after(60), DEADLINE)
    assert isinstance(wanted, Read)
    assert wanted.reading is Reading.LISTING
    assert without_reading(state, ended, wanted) is None
    without = without_reading(pending(newer_operations=newer, failures=2), ended, wanted)
    assert without is not None
    done = decide(*without, after(60), DEADLINE)
    assert isinstance(done, Finished)
    assert done.outcome.name == "canceled"
    assert done.pending.newer_operations is None


def test_the_deadline_waits_for_a_list_and_a_status_that_are_down_only_so_long() -> None:
    late = pending(readable_seconds=7200.0, failures=7)
    runs = Observation(done=frozenset({Reading.LOCATION}), location=RUNS)
    first = decide(late, runs, after(60), DEADLINE)
    assert isinstance(first, Read)
    assert first.reading is Reading.LISTING
    assert without_reading(late, runs, first) is None
    without_list = without_reading(replace(late, failures=8), runs, first)
    assert without_list is not None
    second = decide(*without_list, after(60), DEADLINE)
    assert isinstance(second, Read)
    assert second.reading is Reading.STATUS
    without_both = without_reading(*without_list, second)
    assert without_both is not None
    done = decide(*without_both, after(60), DEADLINE)
    assert isinstance(done, Finished)
    assert (done.outcome.name, done.outcome.operation_state) == ("unconfirmed", "running")


@pytest.mark.parametrize("own", [operation("complete"), operation("failed")])
def test_an_end_that_a_path_shows_waits_for_its_second_source(own: Operation) -> None:
    late = pending(readable_seconds=7200.0, failures=100)
    seen = Observation(done=frozenset({Reading.LOCATION}), location=own)
    wanted = decide(late, seen, after(60), DEADLINE)
    assert isinstance(wanted, Read)
    assert wanted.reading is Reading.LISTING
    assert without_reading(late, seen, wanted) is None
