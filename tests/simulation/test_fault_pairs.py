"""Two crashes, at every pair of effects: the second while recovering from the first."""

import pytest

from tests.simulation.boundaries import Fault
from tests.simulation.runs import failure, run, story_of
from tests.simulation.test_single_faults import is_sound


@pytest.mark.parametrize("scenario", ["cancels-at-once", "cancels-after-202", "answer-lost"])
def test_two_crashes_at_any_two_effects_leave_the_outcome_true(scenario: str) -> None:
    story = story_of(scenario)
    for first in range(len(run(story).effects)):
        once = {first: Fault.CRASH_AFTER}
        for second in range(first + 1, len(run(story, once).effects)):
            script = {**once, second: Fault.CRASH_AFTER}
            disturbed = run(story, script)
            assert is_sound(disturbed), failure(scenario, script, disturbed)
