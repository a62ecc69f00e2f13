"""Storage in memory: queues and table that behave as the service does, on a clock of their own.

A lease that has ended takes nothing away by itself: its pop receipt stays good until somebody
else receives the message. Nothing ever expires.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from threading import Lock
from uuid import UUID

from msgspec.structs import replace

from shared.errors import QueueLeaseLostError, RowConflictError, StorageUnavailableError
from shared.queues import MAX_MESSAGE_BYTES, MAX_VISIBILITY_SECONDS, QueuedMessage
from shared.record import CancellationRecord, Mail

type Key = tuple[str, str, str]


@dataclass
class Stored:
    """A message as the queue has it."""

    id: str
    text: str
    inserted_at: datetime
    visible_at: datetime
    pop_receipt: str = ""
    dequeue_count: int = 0


class SimulatedQueue:
    """Implements the protocol ``Queue``. Not safe for threads that run at once."""

    def __init__(self, name: str, clock: Callable[[], datetime]) -> None:
        self.name = name
        self.stored: list[Stored] = []
        self._clock = clock
        self._numbers = count(1)

    @property
    def next_visible_at(self) -> datetime | None:
        """When the next message can be received."""
        return min((each.visible_at for each in self.stored), default=None)

    def put(self, text: str, delay_seconds: float = 0) -> None:
        _check_size(text)
        now = self._clock()
        self.stored.append(Stored(self._new_id(), text, now, now + _hidden_for(delay_seconds)))

    def receive(self, most: int, lease_seconds: float) -> list[QueuedMessage]:
        until = self._clock() + max(_hidden_for(lease_seconds), timedelta(seconds=1))
        received = self._visible()[:most]
        for each in received:
            each.pop_receipt, each.visible_at = self._new_id(), until
            each.dequeue_count += 1
        return [_as_received(each) for each in received]

    def peek(self, most: int) -> list[str]:
        return [each.text for each in self._visible()[:most]]

    def update(self, message: QueuedMessage, text: str, delay_seconds: float) -> QueuedMessage:
        _check_size(text)
        held = self._held(message)
        held.text, held.pop_receipt = text, self._new_id()
        held.visible_at = self._clock() + _hidden_for(delay_seconds)
        return _as_received(held)

    def delete(self, message: QueuedMessage) -> None:
        self.stored.remove(self._held(message))

    def end_leases(self) -> None:
        """Let every message that was received be seen at once, as if its lease was over."""
        for each in self.stored:
            if each.dequeue_count:
                each.visible_at = min(each.visible_at, self._clock())

    def workers_die(self, times: int) -> None:
        """As if each message had been received so often by workers that died of it."""
        for each in self.stored:
            each.dequeue_count += times

    def _visible(self) -> list[Stored]:
        now = self._clock()
        return [each for each in self.stored if each.visible_at <= now]

    def _held(self, message: QueuedMessage) -> Stored:
        for each in self.stored:
            if each.id == message.id and each.pop_receipt == message.pop_receipt:
                return each
        raise QueueLeaseLostError(f"a message of {self.name} is leased anew")

    def _new_id(self) -> str:
        return str(UUID(int=next(self._numbers)))


class SimulatedLedger:
    """Implements the protocol ``Ledger``. Threads may write at once."""

    def __init__(self) -> None:
        self.rows: dict[Key, CancellationRecord] = {}
        self._versions = count(1)
        self._writing = Lock()

    def get(self, publisher_id: str, offer_id: str, request_id: str) -> CancellationRecord | None:
        return self.rows.get((publisher_id.lower(), offer_id, request_id.lower()))

    def get_with_open_ones(
        self, publisher_id: str, offer_id: str, request_id: str
    ) -> tuple[CancellationRecord | None, list[CancellationRecord]]:
        found = self.get(publisher_id, offer_id, request_id)
        return found, [row for row in self.open_records(publisher_id, offer_id) if row != found]

    def insert(self, record: CancellationRecord) -> CancellationRecord:
        with self._writing:
            if _key(record) in self.rows:
                raise RowConflictError("the row exists")
            return self._write(record)

    def replace(self, record: CancellationRecord) -> CancellationRecord:
        with self._writing:
            current = self.rows.get(_key(record))
            if current is None or current.etag != record.etag:
                raise RowConflictError("the row was written since it was read")
            return self._write(record)

    def remove(self, record: CancellationRecord) -> None:
        with self._writing:
            current = self.rows.get(_key(record))
            if current and record.etag not in ("", current.etag):
                raise RowConflictError("the row was written since it was read")
            self.rows.pop(_key(record), None)

    def open_records(
        self, publisher_id: str | None = None, offer_id: str | None = None
    ) -> list[CancellationRecord]:
        of_offer = None
        if publisher_id is not None and offer_id is not None:
            of_offer = publisher_id.lower(), offer_id
        return [
            row
            for key, row in self.rows.items()
            if row.is_open and (of_offer is None or key[:2] == of_offer)
        ]

    def unfinished_records(self) -> list[CancellationRecord]:
        unmailed = (Mail.NONE, Mail.SENDING)
        return [row for row in self.rows.values() if row.is_open or row.mail in unmailed]

    def _write(self, record: CancellationRecord) -> CancellationRecord:
        written = replace(record, etag=f'W/"{next(self._versions)}"')
        self.rows[_key(record)] = written
        return written


def _key(record: CancellationRecord) -> Key:
    return record.publisher_id.lower(), record.offer_id, record.request_id.lower()


def _as_received(stored: Stored) -> QueuedMessage:
    return QueuedMessage(
        id=stored.id,
        text=stored.text,
        pop_receipt=stored.pop_receipt,
        dequeue_count=stored.dequeue_count,
        inserted_at=stored.inserted_at,
    )


def _hidden_for(seconds: float) -> timedelta:
    return timedelta(seconds=min(max(0, round(seconds)), MAX_VISIBILITY_SECONDS))


def _check_size(text: str) -> None:
    if len(text.encode()) > MAX_MESSAGE_BYTES:
        raise StorageUnavailableError("RequestBodyTooLarge")
