"""One thing goes wrong, at every effect of every scenario; the request still ends truly, once."""

from datetime import timedelta

import pytest

from devstack.partner_center import scenarios
from shared.outcome_mail import CLAIM
from tests.simulation.boundaries import Fault
from tests.simulation.runs import Run, failure, run, story_of
from tests.simulation.stories import STORIES, story_named

# What sets Partner Center's behaviours apart for the flow; the others differ in words and shapes.
BEHAVIOURS = [
    "cancels-after-202",
    "cancels-by-new-operation",
    "cancels-at-once",
    "answers-200-cancels-later",
    "no-location",
    "idle-but-202",
    "completes-first",
    "fails-first",
    "cancel-fails",
    "replaced-by-newer",
    "newer-before-cancel",
    "refused-403",
    "refused-404",
    "busy-409-then-accepts",
    "throttled-seconds",
    "unavailable-503",
    "error-though-carried-out",
    "answer-lost",
    "answer-lost-then-404",
    "list-lags-behind-past",
    "list-gone-404",
]
LONG = ["cancel-ignored", "refused-409", "redirects-reads"]
# The same to the flow as redirects-reads or cancel-ignored, and as long.
LIKE_LONG_ONES = {"oversized-body", "endless-body", "html-reads", "words-unknown-end"}
OTHERS = sorted(scenarios().keys() - LIKE_LONG_ONES - {*BEHAVIOURS, *LONG})
FAULTS = [Fault.CRASH_AFTER, Fault.ERROR, Fault.LOST, Fault.PAUSE, Fault.TWIN]


def at_every_effect(name: str, fault: Fault) -> None:
    """Have the fault at each effect that the undisturbed run has, one run each."""
    story = story_named(name)
    undisturbed = run(story)
    assert not undisturbed.problems, failure(name, {}, undisturbed)
    for number in range(len(undisturbed.effects)):
        script = {number: fault}
        disturbed = run(story, script)
        assert is_sound(disturbed), failure(name, script, disturbed)
        assert everybody_heard_in_time(disturbed), failure(name, script, disturbed)


def everybody_heard_in_time(disturbed: Run) -> bool:
    """Whether a mail came when it was due, or a claim later where its sender died of the fault."""
    world = disturbed.world
    patience = world.policy.notification_delay + CLAIM + timedelta(minutes=1)
    firsts = {mail.request_id: mail.at for mail in reversed(world.mail.accepted)}
    accepted = {asked.accepted_id for asked in world.asked}
    return all(
        world.time.at(firsts[row.request_id]) - row.requested_at <= patience
        for row in world.rows
        if row.request_id in accepted
    )


def is_sound(disturbed: Run) -> bool:
    """Nothing is wrong, and nothing needed a person for one or two faults."""
    return not disturbed.problems and not disturbed.world.poisoned


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("scenario", BEHAVIOURS)
def test_a_fault_at_any_effect_leaves_the_outcome_true(scenario: str, fault: Fault) -> None:
    at_every_effect(scenario, fault)


@pytest.mark.parametrize("scenario", [*LONG, *OTHERS])
def test_a_crash_at_any_effect_leaves_the_outcome_true(scenario: str) -> None:
    at_every_effect(scenario, Fault.CRASH_AFTER)


@pytest.mark.parametrize("fault", [Fault.CRASH_AFTER, Fault.LOST, Fault.TWIN])
@pytest.mark.parametrize("story", STORIES)
def test_a_fault_at_any_effect_of_a_story_leaves_every_outcome_true(
    story: str, fault: Fault
) -> None:
    at_every_effect(story, fault)


@pytest.mark.parametrize("scenario", ["cancels-after-202", "answer-lost"])
def test_a_crash_before_any_effect_leaves_the_outcome_true(scenario: str) -> None:
    at_every_effect(scenario, Fault.CRASH_BEFORE)


def test_a_message_put_twice_leaves_the_outcome_true() -> None:
    for scenario in BEHAVIOURS:
        story = story_of(scenario)
        for effect in run(story).effects:
            if effect.name.endswith(".put"):
                script = {effect.number: Fault.TWICE}
                disturbed = run(story, script)
                assert is_sound(disturbed), failure(scenario, script, disturbed)
