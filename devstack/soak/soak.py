"""One soak: hundreds of requests while everything breaks, then rest, then the verdict."""

import contextlib
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from azure.core.exceptions import AzureError

from devstack import webhooks
from devstack.events import Event
from devstack.processes import ROOT
from devstack.soak.app_copy import copy_app
from devstack.soak.asking import Crowd
from devstack.soak.evidence import gather, has_untold_poison
from devstack.soak.pace import HURRIED, Pace
from devstack.soak.plan import ALL_KINDS, Kind, plan
from devstack.soak.queues import messages_left
from devstack.soak.troubles import Breaker, Trouble
from devstack.soak.verdict import Verdict, judge
from devstack.stack import Stack

LOOK_SECONDS = 1.0
TELL_EVERY_SECONDS = 5.0
# Hundreds, so that whatever breaks breaks many; what waits longer is not tested any better.
MOST_UNDER_WAY = 300
# What lies between two queues is on both, so that none is ever empty while something moves.
QUIET_LOOKS = 2


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What is asked of a soak.

    Attributes:
        seconds: For how long things break, at the least; what comes after takes its own time.
        seed: What the faults and the requests are drawn from.
        askers: How many ask at once.
        pause: Seconds between two things that one of them does, on average.
        at_first: So many requests are made before anybody pauses, and in any case.
        kinds: What is made to go wrong.
        pace: How fast the app lives.
        app: The app.
    """

    seconds: float
    seed: int
    askers: int = 8
    pause: float = 0.3
    at_first: int = 200
    kinds: frozenset[Kind] = ALL_KINDS
    pace: Pace = HURRIED
    app: Path = ROOT


class Soak:
    """A soak that is under way, or over.

    Args:
        folder: Where the stack keeps its state, and the copy of the app.
        wishes: What is asked of it.
        tell: Called with each line that tells how it goes.
    """

    def __init__(self, folder: Path, wishes: Wishes, tell: Callable[[str], None]) -> None:
        """Copy the app; ``run`` does the rest."""
        pace = wishes.pace
        visibility = pace.failed_visibility
        self._wishes = wishes
        self._tell = tell
        self._events = Counter[str]()
        self._storage_failures: dict[str, list[str]] = defaultdict(list)
        self.stack = Stack(
            folder,
            app=copy_app(wishes.app, folder / "app", failed_visibility=visibility),
            settings={**pace.settings, **webhooks.SETTINGS},
            lease_seconds=pace.lease_seconds,
            host_program=pace.host_program,
            on_event=self._count,
            keeps_storage=True,
        )
        self.crowd = Crowd(self.stack, wishes.seed, wishes.pause, wishes.at_first)
        self.breaker = Breaker(self.stack, self._tell_trouble)
        self._started = time.monotonic()

    def run(self) -> Verdict:
        """Run it to its verdict; Ctrl-C ends it early, and what is known by then is judged.

        Raises:
            StackError: A part ended by itself, or answered what no fault explains.
        """
        with self.stack:
            # The checks put a message on each queue, for an hour if a kill keeps them from taking
            # it away, and nobody could tell it from one that is left.
            self.stack.events.wait_for(lambda event: event.name == "poller-run")
            self._started = time.monotonic()
            try:
                self._break_everything()
                self._wait_for_rest()
            except KeyboardInterrupt:
                self._tell("Interrupted: judging what is there. Requests under way count as lost.")
            return self._judged()

    @property
    def seconds(self) -> float:
        """How long it has been going on."""
        return time.monotonic() - self._started

    def _break_everything(self) -> None:
        """Ask and break until the plan is through; then mend all, and see each ask answered."""
        stop, enough = threading.Event(), threading.Event()
        lanes = plan(self._wishes.seed, self._wishes.seconds, self._wishes.kinds)
        workers = ThreadPoolExecutor(len(lanes) + self._wishes.askers)
        with workers as threads, self._ended_with(stop, enough):
            breaking = [
                threads.submit(self.breaker.carry_out, lane, self._started, stop) for lane in lanes
            ]
            asking = [
                threads.submit(self.crowd.act, number, enough)
                for number in range(self._wishes.askers)
            ]
            self._watch(breaking, asking, is_enough=self._has_done_enough)
            enough.set()
            self._watch(asking, asking, is_enough=lambda: True)

    def _has_done_enough(self) -> bool:
        asked = len(self.crowd.asked)
        return self.seconds >= self._wishes.seconds and asked >= self._wishes.at_first

    @contextlib.contextmanager
    def _ended_with(self, stop: threading.Event, enough: threading.Event) -> Iterator[None]:
        """Let no thread go on when this is left, however it is left."""
        try:
            yield
        finally:
            stop.set()
            enough.set()
            self.crowd.is_over.set()

    def _watch(
        self,
        until_done: list[Future[None]],
        all_of: list[Future[None]],
        *,
        is_enough: Callable[[], bool],
    ) -> None:
        """Wait for threads, and for enough, telling how it goes; what failed in one is raised."""
        told_at = self.seconds
        while not is_enough() or not all(each.done() for each in until_done):
            for each in (*until_done, *all_of):
                if each.done():
                    each.result()
            self.breaker.check()
            with contextlib.suppress(AzureError):
                self.crowd.is_patient = sum(messages_left(self.stack).values()) > MOST_UNDER_WAY
            if self.seconds - told_at >= TELL_EVERY_SECONDS:
                told_at = self.seconds
                self._tell_progress()
            time.sleep(LOOK_SECONDS)
        for each in until_done:
            each.result()

    def _wait_for_rest(self) -> None:
        """Wait until nothing is left that anybody could do."""
        deadline, quiet = time.monotonic() + self._wishes.pace.rest_seconds, 0
        told_at = self.seconds
        while quiet < QUIET_LOOKS and time.monotonic() < deadline:
            self.stack.host.check()
            left = self._left()
            quiet = 0 if left else quiet + 1
            if self.seconds - told_at >= TELL_EVERY_SECONDS:
                told_at = self.seconds
                self._tell_progress(f"; waiting for rest: {left or 'nothing is left'}")
            time.sleep(LOOK_SECONDS)

    def _left(self) -> str:
        """What is still to be done by somebody; empty for nothing."""
        try:
            left = {name: count for name, count in messages_left(self.stack).items() if count}
            if not left and has_untold_poison(self.stack):
                return "the operator does not know of all poison"
        except AzureError as error:  # a machine that is too busy for storage to answer in time
            return f"storage does not answer: {type(error).__name__}"
        return ", ".join(f"{count} on {name}" for name, count in left.items())

    def _judged(self) -> Verdict:
        evidence = gather(
            self.stack,
            list(self.crowd.asked),
            dict(self.crowd.offers.stories),
            troubles=tuple(self.breaker.troubles),
            storage_failures=dict(self._storage_failures),
        )
        return judge(evidence, self._wishes.pace)

    def _count(self, event: Event) -> None:
        self._events[event.name] += 1
        if event.name == "storage-unavailable" and event.request_id:
            self._storage_failures[event.request_id].append(event.time)

    def _tell_trouble(self, trouble: Trouble) -> None:
        lasted = (trouble.ended - trouble.began).total_seconds()
        self._tell(f"{self.seconds:6.1f} s  {trouble.kind}, for {lasted:.1f} s")

    def _tell_progress(self, more: str = "") -> None:
        self._tell(
            f"{self.seconds:6.1f} s  {len(self.crowd.asked)} requests, "
            f"{self._events['outcome-found']} times an outcome, "
            f"{self._events['mail-sent']} mailed{more}"
        )
