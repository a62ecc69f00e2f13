"""Workers that take turns: each goes on for one effect at a time, and somebody else says who.

A worker is a thread, but only one thread ever runs: the one that has the baton. So the same turns
give the same run.
"""

import threading
from collections.abc import Callable

from tests.simulation.boundaries import Actor, Boundaries, Fault


class Worker:
    """One invocation that stands still before each of its effects."""

    def __init__(self, name: str, boundaries: Boundaries, work: Callable[[], None]) -> None:
        self.name = name
        self.started_at = boundaries.time.seconds
        self.is_done = False
        self._boundaries = boundaries
        self._actors: list[Actor] = []
        self._mine, self._theirs = threading.Semaphore(0), threading.Semaphore(0)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def go_on(self, fault: Fault | None = None) -> None:
        """Have one effect, and what goes wrong with it; then stand still before the next."""
        boundaries = self._boundaries
        others, before_each = boundaries.actors, boundaries.before_each
        boundaries.actors, boundaries.before_each = self._actors, self._stand_still
        if fault is not None:
            boundaries.faults[len(boundaries.effects)] = fault
        self._mine.release()
        self._theirs.acquire()
        boundaries.actors, boundaries.before_each = others, before_each
        if self._failure is not None:
            raise self._failure

    def _stand_still(self) -> None:
        self._theirs.release()
        self._mine.acquire()

    def _run(self, work: Callable[[], None]) -> None:
        self._mine.acquire()
        try:
            work()
        except BaseException as error:
            self._failure = error
        self.is_done = True
        self._theirs.release()
