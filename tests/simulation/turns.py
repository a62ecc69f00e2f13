"""The poller's executor: the steps of one run take turns at every effect, and a seed says who.

A step is a worker of its own inside the process of its run: a crash of one is the end of all.
"""

import contextlib
import random
from abc import abstractmethod
from collections.abc import Callable
from concurrent.futures import Executor, Future

from tests.simulation.boundaries import Boundaries, Crash
from tests.simulation.workers import Worker

type Pick = Callable[[int], int]
"""One of so many (from 0): those that are under way in order, and last the poller itself."""


class StepExecutor(Executor):
    """Carries out the poller's steps, and knows how one waits for them."""

    @abstractmethod
    def wait(self, steps: set[Future[None]], seconds: float) -> set[Future[None]]:
        """Those that go on, when one has ended or so many seconds are over."""


class Inline(StepExecutor):
    """Each step from beginning to end as it comes; whole runs are what there is to interleave."""

    def submit[**P, T](self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        future.set_result(fn(*args, **kwargs))
        return future

    def wait(self, steps: set[Future[None]], seconds: float) -> set[Future[None]]:
        return set()


class Turns(StepExecutor):
    """All steps at once, one effect at a time."""

    def __init__(self, boundaries: Boundaries, pick: Pick) -> None:
        """Let ``pick`` say who goes on; the poller itself looks again, as after its second."""
        self._boundaries = boundaries
        self._pick = pick
        self._process = boundaries.actor.process
        self._steps: list[tuple[Future[object], Worker]] = []

    def submit[**P, T](self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()

        def work() -> None:
            actor = self._boundaries.begin("step", self._process)
            try:
                future.set_result(fn(*args, **kwargs))
            finally:
                self._boundaries.end(actor)

        worker = Worker("step", self._boundaries, work)
        self._steps.append((future, worker))  # type: ignore[arg-type]
        worker.go_on()  # up to its first effect
        return future

    def wait(self, steps: set[Future[None]], seconds: float) -> set[Future[None]]:
        while steps and not any(step.done() for step in steps):
            under_way = self._under_way()
            picked = self._pick(len(under_way) + 1)
            if picked == len(under_way):
                self._boundaries.time.advance(seconds)
                break
            self._boundaries.before_each()
            under_way[picked].go_on()
        return {step for step in steps if not step.done()}

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let what a run has left behind go on to its end; in a dead process that is at once."""
        while under_way := self._under_way():
            with contextlib.suppress(Crash):
                under_way[0].go_on()

    def _under_way(self) -> list[Worker]:
        return [worker for _, worker in self._steps if not worker.is_done]


def by_seed(seed: int) -> Pick:
    """Anybody, as a seed says."""
    return random.Random(seed).randrange  # noqa: S311


def one_after_the_other(first: int, second: int) -> Pick:
    """The first step has so many effects, then the second, then each goes on to its end."""
    picks = iter([0] * first + [1] * second)
    return lambda count: min(next(picks, 0), count - 2)
