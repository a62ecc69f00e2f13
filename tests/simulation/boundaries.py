"""Every effect of the app on the world, numbered, and what goes wrong at which of them.

An effect is a call to a queue, to the table, to Partner Center or to the mail server. A script
names effects by number, and a fault for each; with the same script everything happens again in
the same way.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from shared.errors import StorageUnavailableError
from shared.ledger import Ledger
from shared.queues import Queue, QueuedMessage
from shared.record import CancellationRecord
from tests.simulation.clock import SimulatedTime

STORAGE_SECONDS = 0.02
ID_LENGTH = 8
"""So much of a request's id stands in the note of an effect on its row, and is enough."""
PAUSE_SECONDS = 480.0
"""Longer than every lease of the poller, and shorter than what the platform lets a function run."""


class Fault(StrEnum):
    """What goes wrong at one effect."""

    CRASH_BEFORE = "crash-before"
    CRASH_AFTER = "crash-after"
    ERROR = "error"
    """It fails without having had its effect."""
    LOST = "answer-lost"
    """It has its effect and fails all the same."""
    PAUSE = "pause"
    """The worker stands still before it, leases end, and everybody else goes on."""
    TWIN = "twin"
    """Leases end before it without any time passing, and everybody else goes on with the twins."""
    LEASES_END = "leases-end"
    """Leases end before it; whoever looks next receives the same messages, and this one goes on."""
    TWICE = "twice"
    """It has its effect twice, and the caller is told of the second."""


class Crash(BaseException):
    """The process dies here."""


type Script = Mapping[int, Fault]


@dataclass
class Effect:
    """One effect: who had it, and what went wrong."""

    number: int
    actor: int
    process: int
    name: str
    at: float
    fault: Fault | None
    note: str = ""
    done: bool = False

    def __str__(self) -> str:
        trouble = f"  << {self.fault}" if self.fault else ""
        return f"{self.number:4} {self.at:9.2f}s #{self.actor:<3} {self.name} {self.note}{trouble}"


@dataclass
class Actor:
    """One invocation of a function, one step of the poller, or one call of a client.

    Attributes:
        process: What dies of a crash; the steps of one run of the poller have one in common.
    """

    number: int
    name: str
    process: int
    request_id: str = ""


@dataclass
class Boundaries:
    """Where the app meets the world. Who is at work is the actor on top."""

    time: SimulatedTime
    faults: dict[int, Fault]
    on_pause: Callable[[float], None] = lambda seconds: None
    on_leases_end: Callable[[], None] = lambda: None
    before_each: Callable[[], None] = lambda: None
    effects: list[Effect] = field(default_factory=list)
    actors: list[Actor] = field(default_factory=list)
    dead: set[int] = field(default_factory=set)
    started: int = 0
    last: Effect | None = None

    @property
    def actor(self) -> Actor:
        """Who is at work."""
        return self.actors[-1]

    def begin(self, name: str, process: int | None = None) -> Actor:
        """A new invocation starts; in a process of its own, unless one is given."""
        self.started += 1
        actor = Actor(self.started, name, process or self.started)
        self.actors.append(actor)
        return actor

    def end(self, actor: Actor) -> None:
        """It has ended, in whatever way."""
        self.actors.remove(actor)

    def meet[T](
        self,
        name: str,
        work: Callable[[], T],
        *,
        seconds: float,
        error: Callable[[], Exception],
        lost: Callable[[], Exception] | None = None,
        note: str = "",
    ) -> T:
        """Have one effect, or whatever the script has for it.

        Args:
            name: What is done, as ``pending.put``.
            work: Does it.
            seconds: How long it takes.
            error: What a failure before it raises.
            lost: What a lost answer raises, where that is another error.
            note: Whom or what it is about, for the log.
        """
        self.before_each()
        self._check_alive()
        number = len(self.effects)
        fault = self.faults.get(number)
        actor, now = self.actor, self.time.seconds
        effect = Effect(number, actor.number, actor.process, name, now, fault, note)
        self.effects.append(effect)
        self._strike_before(fault, error)
        self._check_alive()
        self.time.advance(seconds)
        self.last = effect
        result = work()
        effect.done = True
        if fault is Fault.TWICE:
            result = work()
        self._strike_after(fault, lost or error)
        return result

    def _strike_before(self, fault: Fault | None, error: Callable[[], Exception]) -> None:
        match fault:
            case Fault.CRASH_BEFORE:
                self._crash()
            case Fault.ERROR:
                raise error()
            case Fault.PAUSE:
                self.on_pause(PAUSE_SECONDS)
            case Fault.TWIN:
                self.on_pause(0)
            case Fault.LEASES_END:
                self.on_leases_end()
            case _:
                pass

    def _strike_after(self, fault: Fault | None, lost: Callable[[], Exception]) -> None:
        match fault:
            case Fault.CRASH_AFTER:
                self._crash()
            case Fault.LOST:
                raise lost()
            case _:
                pass

    def _crash(self) -> None:
        self.dead.add(self.actor.process)
        raise Crash

    def _check_alive(self) -> None:
        """What a dead process would still do (its ``finally``, its other steps) has no effect."""
        if self.actor.process in self.dead:
            raise Crash


def _storage_error() -> Exception:
    return StorageUnavailableError("the answer did not come")


class GuardedQueue:
    """A queue behind the boundaries."""

    def __init__(self, name: str, real: Queue, boundaries: Boundaries) -> None:
        self._name, self._real, self._boundaries = name, real, boundaries

    def put(self, text: str, delay_seconds: float = 0) -> None:
        self._meet("put", lambda: self._real.put(text, delay_seconds))

    def receive(self, most: int, lease_seconds: float) -> list[QueuedMessage]:
        return self._meet("receive", lambda: self._real.receive(most, lease_seconds))

    def peek(self, most: int) -> list[str]:
        return self._meet("peek", lambda: self._real.peek(most))

    def update(self, message: QueuedMessage, text: str, delay_seconds: float) -> QueuedMessage:
        return self._meet("update", lambda: self._real.update(message, text, delay_seconds))

    def delete(self, message: QueuedMessage) -> None:
        self._meet("delete", lambda: self._real.delete(message))

    def _meet[T](self, method: str, work: Callable[[], T]) -> T:
        return self._boundaries.meet(
            f"{self._name}.{method}", work, seconds=STORAGE_SECONDS, error=_storage_error
        )


class GuardedLedger:
    """The table behind the boundaries; who touches a row works on its request."""

    def __init__(self, real: Ledger, boundaries: Boundaries) -> None:
        self._real, self._boundaries = real, boundaries

    def get(self, publisher_id: str, offer_id: str, request_id: str) -> CancellationRecord | None:
        self._boundaries.actor.request_id = request_id.lower()
        return self._meet("get", lambda: self._real.get(publisher_id, offer_id, request_id))

    def get_with_open_ones(
        self, publisher_id: str, offer_id: str, request_id: str
    ) -> tuple[CancellationRecord | None, list[CancellationRecord]]:
        self._boundaries.actor.request_id = request_id.lower()
        return self._meet(
            "get", lambda: self._real.get_with_open_ones(publisher_id, offer_id, request_id)
        )

    def insert(self, record: CancellationRecord) -> CancellationRecord:
        self._boundaries.actor.request_id = record.request_id
        return self._meet("insert", lambda: self._real.insert(record), record)

    def replace(self, record: CancellationRecord) -> CancellationRecord:
        self._boundaries.actor.request_id = record.request_id
        return self._meet("replace", lambda: self._real.replace(record), record)

    def remove(self, record: CancellationRecord) -> None:
        self._boundaries.actor.request_id = record.request_id
        self._meet("remove", lambda: self._real.remove(record), record)

    def unfinished_records(self) -> Iterable[CancellationRecord]:
        return self._meet("unfinished_records", lambda: list(self._real.unfinished_records()))

    def open_records(
        self, publisher_id: str | None = None, offer_id: str | None = None
    ) -> list[CancellationRecord]:
        return self._meet(
            "open_records", lambda: list(self._real.open_records(publisher_id, offer_id))
        )

    def _meet[T](
        self, method: str, work: Callable[[], T], record: CancellationRecord | None = None
    ) -> T:
        return self._boundaries.meet(
            f"row.{method}",
            work,
            seconds=STORAGE_SECONDS,
            error=_storage_error,
            note=_told(record) if record else "",
        )


def _told(record: CancellationRecord) -> str:
    outcome = record.outcome.name.value if record.outcome else "open"
    return (
        f"{record.request_id[:ID_LENGTH]} {record.state.value} {outcome} mail={record.mail.value}"
    )


def as_text(effects: Sequence[Effect]) -> str:
    """The story of a run, one line for each effect."""
    return "\n".join(str(effect) for effect in effects)
