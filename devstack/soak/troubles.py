"""Carries out what the plan says: breaks parts of a stack and mends them again."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from devstack.partner_center import Fault
from devstack.partner_center.faults import Route
from devstack.soak.plan import Kind, PlannedTrouble
from devstack.stack import Stack

_READS: tuple[Route, ...] = ("list", "status", "operation")
_ALL: tuple[Route, ...] = (*_READS, "cancel")
_HTML = "<html><body>Sign in</body></html>"
# Beyond the deadline of a read, whatever the pace, is beyond all patience of a short soak.
_TOO_LATE_SECONDS = 4.0

SLOW = (
    (Fault(on=_ALL, delay_seconds=0.3),),
    (Fault(on=_READS, delay_seconds=0.8),),
    (Fault(on=("cancel",), delay_seconds=1.5),),
)
WRONG = (
    (Fault(on=_ALL, status=503, body=_HTML),),
    (Fault(on=_ALL, status=429, code="TooManyRequests", retry_after_seconds=1),),
    (Fault(on=_ALL, status=500, code="InternalServerError", carried_out=True),),
    (Fault(on=_READS, status=200, body=_HTML),),
    (Fault(on=_ALL, status=401, code="Unauthorized"),),
    (Fault(on=_READS, status=302, headers={"Location": "https://elsewhere.example/api/"}),),
)
SILENT = (
    (Fault(on=_ALL, drop=True),),
    (Fault(on=("cancel",), drop=True, carried_out=True), Fault(on=("list",), drop=True)),
    (Fault(on=_READS, delay_seconds=_TOO_LATE_SECONDS),),
    (Fault(on=("cancel",), delay_seconds=_TOO_LATE_SECONDS),),
)
ANSWERS_LOST = (1, 2, 3)


@dataclass(frozen=True)
class Trouble:
    """Something that went wrong, and when in truth.

    Attributes:
        amount: How many answers of the mail server were lost; else 1.
    """

    kind: Kind
    began: datetime
    ended: datetime
    amount: int = 1


class Breaker:
    """Breaks a stack and mends it; each lane in a thread of its own.

    Args:
        stack: What is broken.
        tell: Called with each trouble once it is over.
    """

    def __init__(self, stack: Stack, tell: Callable[[Trouble], None]) -> None:
        """Break nothing yet."""
        self.troubles: list[Trouble] = []
        self._stack = stack
        self._tell = tell
        self._host = threading.Lock()
        self._breaks: Mapping[Kind, Callable[[PlannedTrouble], AbstractContextManager[None]]] = {
            Kind.HOST_KILLED: self._host_killed,
            Kind.STORAGE_STOPPED: self._storage_stopped,
            Kind.MAIL_REFUSED: self._mail_refused,
            Kind.MAIL_GONE: self._mail_gone,
            Kind.MAIL_ANSWERS_LOST: self._mail_answers_lost,
            Kind.CENTER_SLOW: lambda planned: self._center_suffers(SLOW, planned),
            Kind.CENTER_WRONG: lambda planned: self._center_suffers(WRONG, planned),
            Kind.CENTER_SILENT: lambda planned: self._center_suffers(SILENT, planned),
            Kind.CENTER_GONE: self._center_gone,
        }

    def carry_out(
        self, planned: list[PlannedTrouble], started: float, stop: threading.Event
    ) -> None:
        """Carry out one lane, late if it must be; what has begun is mended in any case.

        Args:
            planned: The lane.
            started: The monotonic time that its seconds count from.
            stop: Set to end it early.
        """
        for each in planned:
            if stop.wait(max(0.0, started + each.begins - time.monotonic())):
                return
            began = datetime.now(UTC)
            with self._breaks[each.kind](each):
                stop.wait(each.lasts)
            amount = _lost(each) if each.kind is Kind.MAIL_ANSWERS_LOST else 1
            trouble = Trouble(each.kind, began, datetime.now(UTC), amount)
            self.troubles.append(trouble)
            self._tell(trouble)

    def check(self) -> None:
        """Tell whether the host still runs, unless it is down on purpose.

        Raises:
            PartFailedError: It has ended by itself; with its own output.
        """
        if self._host.acquire(blocking=False):
            try:
                self._stack.host.check()
            finally:
                self._host.release()

    @contextmanager
    def _host_killed(self, _: PlannedTrouble) -> Iterator[None]:
        with self._host:
            self._stack.host.kill()
            try:
                yield
            finally:
                self._stack.host.start()

    @contextmanager
    def _storage_stopped(self, _: PlannedTrouble) -> Iterator[None]:
        self._stack.storage.stop()
        try:
            yield
        finally:
            self._stack.storage.start()

    @contextmanager
    def _mail_refused(self, planned: PlannedTrouble) -> Iterator[None]:
        self._stack.mailbox.refuse_everything((421, 451)[planned.variant % 2])
        try:
            yield
        finally:
            self._stack.mailbox.accept_again()

    @contextmanager
    def _mail_gone(self, _: PlannedTrouble) -> Iterator[None]:
        self._stack.mailbox.stop()
        try:
            yield
        finally:
            self._stack.mailbox.start()

    @contextmanager
    def _mail_answers_lost(self, planned: PlannedTrouble) -> Iterator[None]:
        self._stack.mailbox.lose_answers(_lost(planned))
        try:
            yield
        finally:
            self._stack.mailbox.accept_again()

    @contextmanager
    def _center_suffers(
        self, ways: tuple[tuple[Fault, ...], ...], planned: PlannedTrouble
    ) -> Iterator[None]:
        self._stack.partner_center.suffer(*ways[planned.variant % len(ways)])
        try:
            yield
        finally:
            self._stack.partner_center.suffer()

    @contextmanager
    def _center_gone(self, _: PlannedTrouble) -> Iterator[None]:
        self._stack.partner_center.stop_answering()
        try:
            yield
        finally:
            self._stack.partner_center.start()


def _lost(planned: PlannedTrouble) -> int:
    return ANSWERS_LOST[planned.variant % len(ANSWERS_LOST)]
