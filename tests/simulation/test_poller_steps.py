"""Several messages in one run of the poller: their steps take turns at every effect."""

import itertools
import threading

import pytest

from tests.simulation.boundaries import Effect, Fault, Script, as_text
from tests.simulation.host import Host
from tests.simulation.runs import Run, Story, at_rest, told
from tests.simulation.test_single_faults import is_sound
from tests.simulation.turns import Pick, by_seed, one_after_the_other
from tests.simulation.world import Tampering, World

SEEDS = range(10)
FAULTS = [
    *((seed, Fault.CRASH_AFTER) for seed in range(2)),
    (2, Fault.LOST),
    (3, Fault.PAUSE),
    (4, Fault.TWIN),
    (5, Fault.LEASES_END),
    (6, Fault.ERROR),
]
MOST_EFFECTS_OF_A_STEP = 12
POLLED_AT = 45.0


def three_requests(host: Host) -> None:
    """Two for one publish, and one for another that ends by itself; all are due at one tick."""
    host.world.portal.create_offer("offer-a", "cancels-after-202")
    host.world.portal.create_offer("offer-b", "completes-first")
    for offer in ("offer-a", "offer-a", "offer-b"):
        host.ask(offer)


def two_requests(host: Host) -> None:
    """For one publish, which each of them may find canceled first."""
    host.world.portal.create_offer("offer-a", "cancels-after-202")
    host.ask("offer-a")
    host.ask("offer-a")


def play(
    story: Story, pick: Pick, script: Script | None = None, tampering: Tampering | None = None
) -> Run:
    """Submit them all, let what is pending become due, and have it polled in one run."""
    world = World(script, pick=pick, tampering=tampering)
    host = Host(world)
    story(host)
    for _ in world.asked:
        host.next_call()
    while world.requests.stored:
        host.deliver()
    world.time.advance_to(POLLED_AT)
    host.tick()
    return at_rest(host)


def effects_of_the_poll(played: Run) -> list[Effect]:
    """Those of the poller and of its steps, which are one process."""
    process = next(e.process for e in played.effects if e.name == "pending.receive")
    return [effect for effect in played.effects if effect.process == process]


def told_in_full(seed: int, script: Script, played: Run) -> str:
    """All that is needed to understand a failed run, and to have it again."""
    found = "\n".join(played.problems)
    return f"seed {seed}: {told(script)}\n{found}\n{as_text(played.effects)}"


@pytest.mark.parametrize("seed", SEEDS)
def test_steps_of_one_run_take_turns(seed: int) -> None:
    played = play(three_requests, by_seed(seed))
    assert not played.problems, told_in_full(seed, {}, played)
    actors = [effect.actor for effect in effects_of_the_poll(played)]
    changes = sum(one != other for one, other in itertools.pairwise(actors))
    assert len(set(actors)) >= 4, "the poller and three steps"
    assert changes > len(set(actors)), "each went on to its end at once"
    again = play(three_requests, by_seed(seed))
    assert [(e.actor, e.name) for e in again.effects] == [(e.actor, e.name) for e in played.effects]


@pytest.mark.parametrize(("seed", "fault"), FAULTS)
def test_a_fault_in_one_step_leaves_every_outcome_true(seed: int, fault: Fault) -> None:
    for effect in effects_of_the_poll(play(three_requests, by_seed(seed))):
        script = {effect.number: fault}
        played = play(three_requests, by_seed(seed), script)
        assert is_sound(played), told_in_full(seed, script, played)


def test_a_crash_in_one_step_is_the_end_of_all_and_of_the_poller() -> None:
    threads = threading.active_count()
    for effect in effects_of_the_poll(play(three_requests, by_seed(0))):
        played = play(three_requests, by_seed(0), {effect.number: Fault.CRASH_AFTER})
        assert effects_of_the_poll(played)[-1].number == effect.number
        assert threading.active_count() == threads


def test_two_steps_of_one_run_that_change_places_anywhere_do_no_harm() -> None:
    for first, second in itertools.product(range(1, MOST_EFFECTS_OF_A_STEP), repeat=2):
        played = play(two_requests, one_after_the_other(first, second))
        assert is_sound(played), told_in_full(first * 100 + second, {}, played)
