"""Both poison queues as one shelf of records, for a person or a task to go through.

A queue shows no more than 32 messages at a glance, so all are taken under a lease, and what is
still there afterwards is shown again at once. After a crash the leases end by themselves.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.errors import InvalidRequestError, QueueLeaseLostError, StorageUnavailableError
from shared.models import from_json
from shared.poison import PoisonRecord, poison_text, read_poison
from shared.queues import Queue, QueuedMessage

LEASE_SECONDS = 300.0
_PAGE = 32


@dataclass
class Shelved:
    """A record in hand, until the shelf is closed.

    Attributes:
        queue_name: The queue that its message was on, without ``-poison``.
        poison: The poison queue that it is on.
    """

    queue_name: str
    poison: Queue
    message: QueuedMessage
    record: PoisonRecord
    in_hand: bool = True

    @property
    def requested_at(self) -> datetime:
        """When its request was made, as far as that is known."""
        return self.record.requested_at or self.record.inserted_at

    def hold(self, seconds: float) -> None:
        """Keep it in hand for so long; ``QueueLeaseLostError`` if somebody else has taken it."""
        self.message = self.poison.update(self.message, self.message.text, seconds)

    def rewrite(self, record: PoisonRecord) -> None:
        """Change it where it is, and show it again; ``QueueLeaseLostError`` as in ``hold``."""
        self.message = self.poison.update(self.message, poison_text(record), 0)
        self.record, self.in_hand = record, False

    def remove(self) -> None:
        """Take it off the shelf for good; ``QueueLeaseLostError`` as in ``hold``."""
        self.poison.delete(self.message)
        self.in_hand = False

    def put_down(self) -> None:
        """Show it again. What cannot be shown now is when its lease ends."""
        with contextlib.suppress(QueueLeaseLostError, StorageUnavailableError):
            self.hold(0)
        self.in_hand = False


@dataclass(frozen=True)
class Glance:
    """What the poison queues show at a glance.

    Attributes:
        records: Each with the name of the queue that its message was on.
        unread: How many of the host's raw copies there are, which will be records in a minute.
        has_more: Whether there may be more than is in sight.
    """

    records: tuple[tuple[str, PoisonRecord], ...]
    unread: int = 0
    has_more: bool = False


class PoisonShelf:
    """The records on the poison queues that nobody else has in hand."""

    def __init__(self, poison_queues: Mapping[str, Queue]) -> None:
        """Go through these poison queues, by the name of the queue that each belongs to."""
        self._queues = poison_queues

    def glance(self) -> Glance:
        """What is in sight, without touching any: a request to storage for each queue.

        Raises:
            StorageUnavailableError: A queue cannot be read.
        """
        texts = {name: queue.peek(_PAGE) for name, queue in self._queues.items()}
        seen = tuple((name, rec) for name, page in texts.items() for rec in _records_in(page))
        return Glance(
            records=seen,
            unread=sum(map(len, texts.values())) - len(seen),
            has_more=any(len(page) == _PAGE for page in texts.values()),
        )

    def may_have(self, wanted: Callable[[PoisonRecord], bool]) -> bool:
        """Whether such a record is there, or may be: found out without touching any.

        The host's raw copies are no records yet; they are written anew when they are noticed.
        """
        for queue in self._queues.values():
            texts = queue.peek(_PAGE)
            if len(texts) == _PAGE or any(wanted(record) for record in _records_in(texts)):
                return True
        return False

    @contextlib.contextmanager
    def opened(self, lease_seconds: float = LEASE_SECONDS) -> Iterator[list[Shelved]]:
        """Take every record in hand, the newest last; put down what is still there at the end.

        A record keeps its place from one time to the next, but for one that has just come: it is
        written anew when it is noticed.

        Raises:
            StorageUnavailableError: A queue cannot be read.
        """
        taken: list[Shelved] = []
        try:
            for name, queue in self._queues.items():
                while messages := queue.receive(_PAGE, lease_seconds):
                    taken += [Shelved(name, queue, m, read_poison(m)) for m in messages]
            yield sorted(taken, key=lambda each: (each.message.inserted_at, each.message.id))
        finally:
            for each in taken:
                if each.in_hand:
                    each.put_down()


def _records_in(texts: list[str]) -> Iterator[PoisonRecord]:
    for text in texts:
        with contextlib.suppress(InvalidRequestError):
            yield from_json(text, PoisonRecord)
