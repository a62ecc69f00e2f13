"""One simulated Partner Center per module, with a clock that tests move instead of waiting."""

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from devstack.partner_center import Simulator
from devstack.partner_center.visitor import HandClock, Visitor

_NUMBERS = count(1)


@pytest.fixture(scope="module")
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(scope="module")
def simulator(clock: HandClock) -> Iterator[Simulator]:
    with Simulator(clock=clock) as simulator:
        yield simulator


@pytest.fixture
def offer() -> str:
    """The name of an offer that no other test uses."""
    return f"offer-{next(_NUMBERS)}"


@pytest.fixture
def visit(simulator: Simulator, offer: str) -> Callable[..., Visitor]:
    """Makes the test's offer in a scenario and comes to visit it."""

    def in_scenario(scenario: str, **knobs: object) -> Visitor:
        simulator.create_offer("contoso", offer, scenario, **knobs)
        return Visitor(simulator, "contoso", offer)

    return in_scenario
