"""Two workers have the same message, and change places at every pair of effects."""

from collections.abc import Callable

import pytest

from tests.simulation.boundaries import as_text
from tests.simulation.host import Host
from tests.simulation.oracle import problems
from tests.simulation.runs import OFFER
from tests.simulation.workers import Worker
from tests.simulation.world import World

MOST_EFFECTS = 30

type Trigger = Callable[[Host], Callable[[], None]]
type Between = Callable[[World], None]


def queue_trigger(host: Host) -> Callable[[], None]:
    return host.deliver


def timer_trigger(host: Host) -> Callable[[], None]:
    """The request has been submitted, and what is pending is due."""
    host.run(until=14.0)
    host.world.time.advance_to(30.0)
    return host.tick


def asked(scenario: str, **knobs: object) -> Host:
    """One request for a publish that runs."""
    host = Host(World())
    host.world.portal.create_offer(OFFER, scenario, **knobs)
    host.ask(OFFER)
    host.next_call()
    return host


def asked_before_a_publish(started_after: float) -> Host:
    """One request, and a publish that starts about as much later as clocks can be compared."""
    host = Host(World())
    offer = host.world.portal.create_offer(OFFER, "cancels-after-202", runs=False)
    host.ask(OFFER)
    host.next_call()
    host.world.time.advance_to(started_after)
    offer.publish()
    return host


def leases_end(world: World) -> None:
    """The other worker gets the same message."""
    world.requests.end_leases()
    world.pending.end_leases()


def first_is_slow(world: World) -> None:
    """The other worker gets what the first has put back by now, and did not come to say so."""
    world.time.advance(20.0)


def play(
    host: Host, trigger: Trigger, between: Between, first: int, second: int
) -> tuple[World, tuple[bool, bool]]:
    """One goes on for some effects, then the other; then each to its end.

    Returns:
        The world at rest, and which of the two had ended within those effects.
    """
    world = host.world
    work = trigger(host)
    one = Worker("one", world.boundaries, work)
    _go_on(one, first)
    between(world)
    other = Worker("other", world.boundaries, work)
    _go_on(other, second)
    have_ended = one.is_done, other.is_done
    for worker in (one, other):
        _go_on(worker, MOST_EFFECTS)
        assert worker.is_done
    host.run()
    return world, have_ended


def _go_on(worker: Worker, effects: int) -> None:
    for _ in range(effects):
        if not worker.is_done:
            worker.go_on()


@pytest.mark.parametrize("trigger", [queue_trigger, timer_trigger])
@pytest.mark.parametrize(
    "scenario", ["cancels-after-202", "answer-lost-then-404", "newer-before-cancel"]
)
def test_two_workers_with_one_message_do_no_harm(scenario: str, trigger: Trigger) -> None:
    hold_at_every_pair(lambda: asked(scenario), trigger)


@pytest.mark.parametrize("started_after", [4.1, 4.3, 4.5, 4.7, 4.9])
def test_two_workers_who_compare_clocks_differently_do_no_harm(started_after: float) -> None:
    hold_at_every_pair(lambda: asked_before_a_publish(started_after), queue_trigger)


@pytest.mark.parametrize("scenario", ["error-though-carried-out", "answer-lost-then-404"])
def test_what_is_put_back_may_come_before_its_row_is_written(scenario: str) -> None:
    hold_at_every_pair(lambda: asked(scenario, cancel_seconds=60), queue_trigger, first_is_slow)


def hold_at_every_pair(
    ask: Callable[[], Host], trigger: Trigger, between: Between = leases_end
) -> None:
    """Nothing is wrong wherever they change places."""
    first, second, have_ended = 1, 1, (False, False)
    while not have_ended[0]:
        world, have_ended = play(ask(), trigger, between, first, second)
        found = problems(world)
        story = as_text(world.boundaries.effects)
        assert not found, "\n".join([f"after {first} and {second} effects:", *found, story])
        first, second = (first + 1, 1) if have_ended[1] else (first, second + 1)
