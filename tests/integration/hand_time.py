"""One clock for the simulator, the app and the queues, moved by hand: hours pass at once.

The queues are Azurite's own. Only when a message becomes visible is decided by this clock: what
is asked to be hidden is hidden for longer than any test, and shown again when its time has come.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, Self

from azure.storage.queue import QueueClient, QueueMessage

from devstack.partner_center.visitor import HandClock

_LONGER_THAN_ANY_TEST = 6 * 24 * 3600


class HandTime:
    """The time of the app: an aware reading of the simulator's clock."""

    def __init__(self, seconds: HandClock) -> None:
        """Share the clock of a simulator that has just been made."""
        self._seconds = seconds
        self._started = datetime.now(UTC) - timedelta(seconds=seconds())

    def __call__(self) -> datetime:
        """The time now."""
        return self._started + timedelta(seconds=self._seconds())

    def advance(self, seconds: float) -> None:
        """Let time pass, for the simulator as well."""
        self._seconds.advance(seconds)


@dataclass(frozen=True)
class Kept:
    """A message that is on the queue, and when it becomes visible.

    Attributes:
        asked_delay: The delay that its last put or update asked for, in seconds; a receive
            leaves it as it is.
    """

    text: str
    pop_receipt: str
    inserted_at: datetime
    due_at: datetime
    asked_delay: float
    is_hidden: bool = True


class HandTimedQueueClient(QueueClient):
    """The SDK's client, whose delays and leases are counted on a clock moved by hand."""

    _time: HandTime
    _kept: dict[str, Kept]
    _lock: threading.RLock

    @classmethod
    def at(cls, connection_string: str, name: str, time: HandTime) -> Self:
        """A client for a queue of that name."""
        client = cls.from_connection_string(connection_string, name, retry_total=0)
        client._time = time
        client._kept = {}
        client._lock = threading.RLock()
        return client

    @property
    def messages(self) -> list[Kept]:
        """What is on the queue, hidden or not."""
        with self._lock:
            return list(self._kept.values())

    def send_message(self, content: object | None, **options: Any) -> QueueMessage:
        """Send; a delayed message stays hidden until its time has come."""
        seconds = options.pop("visibility_timeout", 0)
        hidden = _LONGER_THAN_ANY_TEST if seconds else 0
        sent = super().send_message(content, visibility_timeout=hidden, **options)
        with self._lock:
            self._kept[sent.id] = Kept(
                str(content),
                str(sent.pop_receipt),
                self._time(),
                self._due(seconds),
                seconds,
                is_hidden=seconds > 0,
            )
        return sent

    def receive_messages(self, **options: Any) -> Any:
        """Receive what is due, each with a lease on the clock."""
        seconds = options.pop("visibility_timeout")
        self._show_what_is_due()
        paged = super().receive_messages(visibility_timeout=_LONGER_THAN_ANY_TEST, **options)
        return _Received(paged.by_page(), lambda page: self._leased(page, seconds))

    def peek_messages(self, max_messages: int | None = None, **options: Any) -> list[QueueMessage]:
        """Peek at what is due."""
        self._show_what_is_due()
        return super().peek_messages(max_messages, **options)

    def update_message(
        self,
        message: Any,
        pop_receipt: str | None = None,
        content: object | None = None,
        **options: Any,
    ) -> QueueMessage:
        """Update; the message stays hidden until its time has come."""
        seconds = options.pop("visibility_timeout")
        hidden = _LONGER_THAN_ANY_TEST if seconds else 0
        with self._lock:
            updated = super().update_message(
                message, pop_receipt, content, visibility_timeout=hidden, **options
            )
            self._kept[str(message)] = replace(
                self._kept[str(message)],
                text=str(content),
                pop_receipt=str(updated.pop_receipt),
                due_at=self._due(seconds),
                asked_delay=seconds,
                is_hidden=seconds > 0,
            )
        return updated

    def delete_message(self, message: Any, pop_receipt: str | None = None, **options: Any) -> None:
        """Delete."""
        with self._lock:
            super().delete_message(message, pop_receipt, **options)
            del self._kept[str(message)]

    def delete_queue(self, **options: Any) -> None:
        """Delete the queue, with all that is on it."""
        with self._lock:
            super().delete_queue(**options)
            self._kept.clear()

    def _due(self, seconds: float) -> datetime:
        return self._time() + timedelta(seconds=seconds)

    def _leased(self, page: Iterator[Iterator[QueueMessage]], seconds: float) -> list[QueueMessage]:
        with self._lock:
            received = list(next(page, iter(())))
            for message in received:
                kept = self._kept[message.id]
                message.inserted_on = kept.inserted_at
                self._kept[message.id] = replace(
                    kept,
                    pop_receipt=str(message.pop_receipt),
                    due_at=self._due(seconds),
                    is_hidden=True,
                )
        return received

    def _show_what_is_due(self) -> None:
        with self._lock:
            for message_id, kept in self._kept.items():
                if kept.is_hidden and kept.due_at <= self._time():
                    shown = super().update_message(
                        message_id, kept.pop_receipt, kept.text, visibility_timeout=0
                    )
                    receipt = str(shown.pop_receipt)
                    self._kept[message_id] = replace(kept, pop_receipt=receipt, is_hidden=False)


class _Received:
    """The pages of a receive, in the form in which the SDK gives them."""

    def __init__(
        self,
        pages: Iterator[Iterator[QueueMessage]],
        take: Callable[[Iterator[Iterator[QueueMessage]]], list[QueueMessage]],
    ) -> None:
        self._pages = pages
        self._take = take

    def by_page(self) -> Iterator[list[QueueMessage]]:
        while page := self._take(self._pages):
            yield page

    def __iter__(self) -> Iterator[QueueMessage]:
        return chain.from_iterable(self.by_page())
