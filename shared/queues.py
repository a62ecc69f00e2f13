"""Storage queues: text in, text out, each message with its lease.

A queue that does not exist is created when it is first missed. Nothing is retried in here: a
function must not sleep, and whoever called knows better what to do next.
"""

import base64
import binascii
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError
from azure.storage.queue import QueueClient

from shared.errors import InvalidRequestError, QueueLeaseLostError, StorageUnavailableError

CANCEL_REQUESTS = "cancel-requests"
PENDING_CANCELLATIONS = "pending-cancellations"
POISON_SUFFIX = "-poison"
QUEUES = (CANCEL_REQUESTS, PENDING_CANCELLATIONS)
MAX_MESSAGE_BYTES = 64 * 1024
MAX_VISIBILITY_SECONDS = 7 * 24 * 3600 - 1

_LEASE_LOST = frozenset({"MessageNotFound", "PopReceiptMismatch"})
_BYTE_ORDER_MARK = "\ufeff"
_TRIAL = "put here to check access; it goes by itself"
_TRIAL_SECONDS = 3600


@dataclass(frozen=True, kw_only=True)
class QueuedMessage:
    """A received message and the lease on it.

    Attributes:
        text: As it was put there.
        pop_receipt: Stale as soon as somebody else has received the message.
        dequeue_count: How often it was received, this time included.
        inserted_at: When it was put there, on the service's clock.
    """

    id: str
    text: str
    pop_receipt: str
    dequeue_count: int
    inserted_at: datetime


class Queue(Protocol):
    """One Storage queue. Delivers at least once, in any order.

    Every method raises ``StorageUnavailableError`` when the service cannot be reached.
    """

    def put(self, text: str, delay_seconds: float = 0) -> None:
        """Add a message that never expires, visible after the delay (whole seconds)."""

    def receive(self, most: int, lease_seconds: float) -> list[QueuedMessage]:
        """Up to ``most`` (1 to 32) visible messages, hidden from others for the lease."""

    def peek(self, most: int) -> list[str]:
        """The texts of up to ``most`` (1 to 32) visible messages, without touching them."""

    def update(self, message: QueuedMessage, text: str, delay_seconds: float) -> QueuedMessage:
        """Replace the text and hide the message for the delay, counted from now.

        Raises:
            QueueLeaseLostError: Somebody else has the message; nothing was changed.
        """

    def delete(self, message: QueuedMessage) -> None:
        """Remove the message; ``QueueLeaseLostError`` as in ``update``."""


class StorageQueue:
    """A queue of the business storage account."""

    def __init__(self, client: QueueClient) -> None:
        """Use this client, which must not retry by itself."""
        self._client = client

    def put(self, text: str, delay_seconds: float = 0) -> None:
        """Add a message that never expires: the default of 7 days would lose it in silence."""
        self._call(
            lambda: self._client.send_message(
                text, visibility_timeout=_whole_seconds(delay_seconds), time_to_live=-1
            )
        )

    def receive(self, most: int, lease_seconds: float) -> list[QueuedMessage]:
        """Up to ``most`` (1 to 32) visible messages, hidden from others for the lease."""
        lease = max(1, _whole_seconds(lease_seconds))
        # One page, and so one request: by default the SDK makes one for each message.
        page = self._call(
            lambda: list(
                next(
                    self._client.receive_messages(
                        messages_per_page=most, visibility_timeout=lease
                    ).by_page(),
                    iter(()),
                )
            )
        )
        return [
            QueuedMessage(
                id=str(found.id),
                text=str(found.content),
                pop_receipt=str(found.pop_receipt),
                dequeue_count=int(found.dequeue_count or 1),
                inserted_at=found.inserted_on or datetime.now(UTC),
            )
            for found in page
        ]

    def peek(self, most: int) -> list[str]:
        """The texts of up to ``most`` (1 to 32) visible messages, without touching them."""
        page = self._call(lambda: self._client.peek_messages(max_messages=most))
        return [str(found.content) for found in page]

    def count(self) -> int:
        """About how many messages there are, hidden ones among them."""
        return int(self._call(self._client.get_queue_properties).approximate_message_count or 0)

    def front_since(self) -> datetime | None:
        """Since when the message that is next has been there; None where none is visible."""
        page = self._call(lambda: self._client.peek_messages(max_messages=1))
        return page[0].inserted_on if page else None

    def update(self, message: QueuedMessage, text: str, delay_seconds: float) -> QueuedMessage:
        """Replace the text and hide the message for the delay, counted from now."""
        updated = self._call(
            lambda: self._client.update_message(
                message.id,
                pop_receipt=message.pop_receipt,
                content=text,
                visibility_timeout=_whole_seconds(delay_seconds),
            )
        )
        return QueuedMessage(
            id=message.id,
            text=text,
            pop_receipt=str(updated.pop_receipt),
            dequeue_count=message.dequeue_count,
            inserted_at=message.inserted_at,
        )

    def delete(self, message: QueuedMessage) -> None:
        """Remove the message."""
        self._call(lambda: self._client.delete_message(message.id, pop_receipt=message.pop_receipt))

    def try_out(self) -> None:
        """Read, put, change and delete, to find out whether all of it is allowed.

        The message is hidden all the while, and expires by itself if this ends half way.
        """
        self.peek(1)
        sent = self._call(
            lambda: self._client.send_message(
                _TRIAL, visibility_timeout=_TRIAL_SECONDS, time_to_live=_TRIAL_SECONDS + 5
            )
        )
        changed = self._call(
            lambda: self._client.update_message(
                sent.id,
                pop_receipt=sent.pop_receipt,
                content=_TRIAL,
                visibility_timeout=_TRIAL_SECONDS,
            )
        )
        self._call(lambda: self._client.delete_message(sent.id, pop_receipt=changed.pop_receipt))

    def _call[T](self, call: Callable[[], T]) -> T:
        try:
            return call()
        except HttpResponseError as error:
            if _code(error) != "QueueNotFound":
                raise self._translated(error) from error
        except AzureError as error:
            raise self._translated(error) from error
        try:
            with contextlib.suppress(ResourceExistsError):  # another worker missed it as well
                self._client.create_queue()
            return call()
        except AzureError as error:
            raise self._translated(error) from error

    def _translated(self, error: AzureError) -> QueueLeaseLostError | StorageUnavailableError:
        if _code(error) in _LEASE_LOST:
            return QueueLeaseLostError(f"a message of {self._client.queue_name} is leased anew")
        return StorageUnavailableError(
            f"queue {self._client.queue_name}: {_code(error) or type(error).__name__}"
        )


def plain_text(text: str) -> str:
    """The JSON of a queue message, which producers send plain or as Base64.

    Raises:
        InvalidRequestError: It is neither.
    """
    stripped = text.lstrip(_BYTE_ORDER_MARK).strip()
    if stripped.startswith("{"):
        return stripped
    try:
        decoded = base64.b64decode(stripped, validate=True).decode("utf-8")
    except (binascii.Error, ValueError) as error:
        raise InvalidRequestError(
            "the message is neither a JSON object nor one in Base64, in UTF-8"
        ) from error
    return decoded.lstrip(_BYTE_ORDER_MARK).strip()


def _whole_seconds(seconds: float) -> int:
    return min(max(0, round(seconds)), MAX_VISIBILITY_SECONDS)


def _code(error: Any) -> str:
    """The service's word: the SDK hands it out as text for a 404, and as an enum for the rest."""
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or "")
