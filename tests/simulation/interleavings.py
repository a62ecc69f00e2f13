"""Two workers in every order that their effects can have, one run for each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.simulation.boundaries import Fault, as_text
from tests.simulation.host import Host
from tests.simulation.oracle import problems
from tests.simulation.workers import Worker

type Begun = tuple[Host, Callable[[], None], Callable[[], None]]
"""A host, and what two workers are about to do on it."""

type Begin = Callable[[], Begun]


@dataclass(frozen=True)
class Struck:
    """What goes wrong with one effect (from 0) of one of the two (0 or 1)."""

    worker: int
    effect: int
    fault: Fault


@dataclass(frozen=True)
class Order:
    """One run.

    Attributes:
        choices: Which of the two went on, each time that both could.
        was_struck: Whether the effect that something was to go wrong with was there.
    """

    host: Host
    choices: str
    was_struck: bool

    def __str__(self) -> str:
        """All that is needed to understand it."""
        story = as_text(self.host.world.boundaries.effects)
        return "\n".join([f"order {self.choices}", *problems(self.host.world), story])


def all_orders(begin: Begin, struck: Struck | None = None, beginning: str = "") -> Iterator[Order]:
    """Every order that begins so, each at rest."""
    choices: str | None = beginning
    while choices is not None:
        order = in_order(begin, choices, struck)
        yield order
        choices = _next(order.choices, beginning)


def _next(choices: str, beginning: str) -> str | None:
    """The next in the order of the alphabet, up to its last choice; it goes on with the first."""
    kept = choices.rstrip("1")
    return f"{kept[:-1]}1" if len(kept) > len(beginning) else None


def in_order(begin: Begin, choices: str, struck: Struck | None = None) -> Order:
    """One order, at rest; after these choices the first goes first."""
    host, *works = begin()
    boundaries = host.world.boundaries
    workers = [Worker("worker", boundaries, work) for work in works]
    had, made, was_struck = [0, 0], "", False
    for worker in workers:
        worker.go_on()  # up to its first effect
    while under_way := [n for n in (0, 1) if not workers[n].is_done]:
        picked = under_way[0]
        if len(under_way) == 2:
            picked = int(choices[len(made)]) if len(made) < len(choices) else 0
            made += str(picked)
        is_it = struck is not None and (struck.worker, struck.effect) == (picked, had[picked])
        workers[picked].go_on(struck.fault if struck and is_it else None)
        had[picked] += 1
        was_struck = was_struck or is_it
    host.run()
    return Order(host, made, was_struck)
