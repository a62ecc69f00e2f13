"""One thing goes wrong, at every effect of every scenario; the request still ends truly, once."""

import tomllib
from datetime import timedelta

import pytest

from devstack.partner_center import scenarios
from devstack.partner_center.scenarios import SCENARIO_FILE
from shared.outcome_mail import CLAIM
from tests.simulation.boundaries import Fault
from tests.simulation.poison_stories import POISON_STORIES
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
OTHERS = sorted(scenarios().keys() - set(BEHAVIOURS))
KINDS_OF_EFFECTS = {"row", "requests", "pending", "poison", "center", "mail"}
POISON_FAULTS = [
    *((story, Fault.CRASH_AFTER) for story in POISON_STORIES),
    ("messages_that_nobody_can_read", Fault.LOST),
    ("a_request_that_is_put_back", Fault.LOST),
    ("a_request_that_is_put_back", Fault.TWIN),
    ("a_pending_cancellation_that_is_put_back", Fault.PAUSE),
]


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


@pytest.mark.parametrize("fault", [Fault.CRASH_AFTER, Fault.LOST])
@pytest.mark.parametrize("scenario", BEHAVIOURS)
def test_a_fault_at_any_effect_leaves_the_outcome_true(scenario: str, fault: Fault) -> None:
    at_every_effect(scenario, fault)


@pytest.mark.parametrize("fault", [Fault.ERROR, Fault.PAUSE, Fault.TWIN])
@pytest.mark.parametrize("scenario", BEHAVIOURS[::2])
def test_a_worker_held_up_at_any_effect_leaves_the_outcome_true(
    scenario: str, fault: Fault
) -> None:
    at_every_effect(scenario, fault)


@pytest.mark.parametrize("scenario", OTHERS)
def test_a_crash_at_any_effect_leaves_the_outcome_true(scenario: str) -> None:
    at_every_effect(scenario, Fault.CRASH_AFTER)


@pytest.mark.parametrize("fault", [Fault.CRASH_AFTER, Fault.LOST, Fault.TWIN])
@pytest.mark.parametrize("story", STORIES)
def test_a_fault_at_any_effect_of_a_story_leaves_every_outcome_true(
    story: str, fault: Fault
) -> None:
    at_every_effect(story, fault)


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.TWICE, Fault.LEASES_END])
@pytest.mark.parametrize("scenario", ["cancels-after-202", "answer-lost"])
def test_a_rarer_fault_at_any_effect_leaves_the_outcome_true(scenario: str, fault: Fault) -> None:
    at_every_effect(scenario, fault)


def test_a_message_put_twice_leaves_the_outcome_true() -> None:
    for scenario in BEHAVIOURS:
        story = story_of(scenario)
        for effect in run(story).effects:
            if effect.name.endswith(".put"):
                script = {effect.number: Fault.TWICE}
                disturbed = run(story, script)
                assert is_sound(disturbed), failure(scenario, script, disturbed)


@pytest.mark.parametrize(("story", "fault"), POISON_FAULTS)
def test_a_fault_while_poison_is_dealt_with_leaves_nobody_untold(story: str, fault: Fault) -> None:
    undisturbed = run(POISON_STORIES[story])
    assert not undisturbed.problems, failure(story, {}, undisturbed)
    for number in range(len(undisturbed.effects)):
        script = {number: fault}
        disturbed = run(POISON_STORIES[story], script)
        assert not disturbed.problems, failure(story, script, disturbed)


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_can_be_had_at_every_effect(fault: Fault) -> None:
    story = story_of("cancels-after-202")
    undisturbed = run(story).effects
    assert {effect.name.partition(".")[0] for effect in undisturbed} >= KINDS_OF_EFFECTS
    for effect in undisturbed:
        struck = run(story, {effect.number: fault}).effects[effect.number]
        assert (struck.name, struck.fault) == (effect.name, fault)
        assert not (struck.done and fault in (Fault.CRASH_BEFORE, Fault.ERROR))
        assert struck.done or fault not in (Fault.CRASH_AFTER, Fault.LOST, Fault.TWICE)


def test_no_scenario_of_the_simulator_is_left_out() -> None:
    in_file = set(tomllib.loads(SCENARIO_FILE.read_text(encoding="utf-8")))
    assert len(in_file) >= 63
    assert in_file == {*BEHAVIOURS, *OTHERS}


@pytest.mark.parametrize("scenario", sorted(scenarios()))
def test_what_sets_a_scenario_apart_is_met(scenario: str) -> None:
    """A simulation that passed over a knob would find every scenario as sound as the first."""
    world = run(story_of(scenario)).world
    [offer] = world.portal.offers.values()
    assert bool(world.portal.struck) is bool(offer.scenario.faults)
