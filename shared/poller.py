"""Drains ``pending-cancellations``: as many messages as there are free workers, for a while.

Each message is worked on by itself: what goes wrong with one never delays another. A message that
has ended its worker before is taken last and alone. When Partner Center keeps failing the run
ends: no storm.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from time import monotonic

from shared.errors import (
    PartnerCenterError,
    QueueLeaseLostError,
    RowConflictError,
    StorageUnavailableError,
)
from shared.pending_step import SUSPECT_CRASHES, Leased, PendingStep
from shared.queues import Queue, QueuedMessage
from shared.settings import PolicySettings
from shared.telemetry import event
from shared.tracing import working_on

MAX_RECEIVE = 32
STORM = 3
# The function may take 10 minutes: 2 of receiving, 2 of a last poll, 5 of its mail.
LONGEST_RUN = timedelta(minutes=2)
HOLD_SECONDS = 480.0
_LOOK_EVERY_SECONDS = 1.0
_STORMY = frozenset({None, 429})

type Wait = Callable[[set[Future[None]], float], set[Future[None]]]


def _until_one_ends(steps: set[Future[None]], seconds: float) -> set[Future[None]]:
    """Those that go on, when one has ended or so many seconds are over."""
    return set(wait(steps, seconds, FIRST_COMPLETED).not_done)


class _Storm:
    """Counts connection errors, 429 and 5xx in a row, over all workers of a run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._in_a_row = 0

    def note(self, trouble: PartnerCenterError | None) -> None:
        with self._lock:
            stormy = trouble is not None and (
                trouble.status_code in _STORMY or (trouble.status_code or 0) >= 500
            )
            self._in_a_row = self._in_a_row + 1 if stormy else 0

    @property
    def is_on(self) -> bool:
        return self._in_a_row >= STORM


@dataclass
class _Run:
    """One run: when it ends, what is under way, and what waits for its end."""

    monotonic: Callable[[], float]
    deadline: float
    last_deadline: float
    storm: _Storm = field(default_factory=_Storm)
    under_way: set[Future[None]] = field(default_factory=set)
    suspects: list[Leased] = field(default_factory=list)

    @property
    def may_receive(self) -> bool:
        """Past its time a run goes on receiving only while one slow message keeps it alive."""
        now = self.monotonic()
        in_time = now < self.deadline or (bool(self.under_way) and now < self.last_deadline)
        return in_time and not self.storm.is_on


class Poller:
    """Drains the queue in runs; two runs at once do no harm."""

    def __init__(
        self,
        *,
        queue: Queue,
        step: PendingStep,
        executor: Executor,
        policy: PolicySettings,
        wait: Wait = _until_one_ends,
        monotonic: Callable[[], float] = monotonic,
    ) -> None:
        """Work with these; the executor has at least ``poll_concurrency`` workers.

        Args:
            queue: The queue ``pending-cancellations``.
            step: What is done with each message.
            executor: Where.
            policy: How many at once, and for how long.
            wait: Waits for one of the executor's futures to end.
            monotonic: A clock in seconds that never goes back, the same as that of ``step``.
        """
        self._queue = queue
        self._step = step
        self._executor = executor
        self._policy = policy
        self._wait = wait
        self._monotonic = monotonic

    def run(self) -> None:
        """Work on what is due until nothing is, or the time of one run is over.

        Raises:
            StorageUnavailableError: The queue cannot be read.
        """
        started = self._monotonic()
        run = _Run(
            self._monotonic,
            started + self._policy.poll_run.total_seconds(),
            started + LONGEST_RUN.total_seconds(),
        )
        while True:
            received = self._receive(run) if run.may_receive else []
            if not received and not run.under_way:
                break
            run.under_way = self._wait(run.under_way, _LOOK_EVERY_SECONDS)
        for suspect in run.suspects:
            with working_on(suspect.pending.request_id, suspect.pending.traceparent):
                self._guarded(suspect.pending.request_id, partial(self._take_alone, suspect, run))
        if run.storm.is_on:
            event("run-ended-early", level=logging.WARNING, reason="Partner Center keeps failing")

    def _receive(self, run: _Run) -> list[QueuedMessage]:
        free = self._policy.poll_concurrency - len(run.under_way)
        if free <= 0:
            return []
        lease = self._policy.poll_lease.total_seconds()
        lease_ends = self._monotonic() + lease
        received = self._queue.receive(min(free, MAX_RECEIVE), lease)
        for message in received:
            self._guarded(message.id, partial(self._start, message, lease_ends, run))
        return received

    def _start(self, message: QueuedMessage, lease_ends: float, run: _Run) -> None:
        leased = self._step.open(message, lease_ends)
        if leased is None:
            return
        if leased.crashes >= SUSPECT_CRASHES:
            run.suspects.append(self._step.hold(leased, HOLD_SECONDS))
            return
        # With the context of this thread, in which the Python worker keeps the invocation's id: of
        # what is logged without one nothing reaches Application Insights.
        run.under_way.add(self._executor.submit(copy_context().run, self._take, leased, run))

    def _take(self, leased: Leased, run: _Run) -> None:
        with working_on(leased.pending.request_id, leased.pending.traceparent):
            self._guarded(leased.pending.request_id, partial(self._step_once, leased, run))

    def _step_once(self, leased: Leased, run: _Run) -> None:
        trouble = self._step.take(leased)
        if leased.pending.outcome is None:  # mailing alone says nothing about Partner Center
            run.storm.note(trouble)

    def _take_alone(self, leased: Leased, run: _Run) -> None:
        """What ends its worker now ends nothing else; without time for it, it is let go."""
        has_time = self._monotonic() < run.last_deadline and not run.storm.is_on
        if has_time:
            lease = self._policy.poll_lease.total_seconds()
            self._step_once(self._step.seize(leased, lease), run)
        else:
            self._step.hold(leased, 1)

    def _guarded(self, request_id: str, work: Callable[[], None]) -> None:
        """Whatever happens to one message stays with it: its lease ends and it comes again."""
        try:
            work()
        except QueueLeaseLostError:
            event("lease-lost", request_id=request_id)
        except (StorageUnavailableError, RowConflictError) as error:
            event(
                "storage-unavailable",
                request_id=request_id,
                level=logging.ERROR,
                reason=str(error),
            )
        except Exception as error:
            event(
                "step-crashed",
                request_id=request_id,
                level=logging.ERROR,
                reason=f"{type(error).__name__}: {error}",
            )
