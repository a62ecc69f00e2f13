"""The storage queue that a trigger listens to, and its poison queue.

The SDK's calls block, so each runs on a thread of this queue's own pool: neither another queue
nor the app's functions can hold up a lease's renewal.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import LinearRetry, QueueClient

from devstack.host.queue_message import LeasedMessage

POISON_SUFFIX = "-poison"
# The SDK's connection pool holds ten; more threads would only open and drop connections.
_MAX_THREADS = 10
_CONNECT_SECONDS = 5
_READ_SECONDS = 30
_LEASE_LOST_CODES = frozenset({"MessageNotFound", "PopReceiptMismatch"})


class LeaseLostError(Exception):
    """The lease ran out and the message has another owner, or none: let go of it."""


class StorageQueue:
    """A queue by name, with the moves that a listener makes."""

    def __init__(self, connection_string: str, name: str, lease: timedelta) -> None:
        """Make the clients; raises ValueError if the connection string is none."""
        self.name = name
        self.lease = lease
        self._queue = _client(connection_string, name)
        self._poison_queue = _client(connection_string, name + POISON_SUFFIX)
        self._threads = ThreadPoolExecutor(_MAX_THREADS, thread_name_prefix=f"queue-{name}")

    @property
    def is_poison_queue(self) -> bool:
        """Whether this is itself the last resort, so that nothing is taken from it unseen."""
        return self.name.endswith(POISON_SUFFIX)

    async def receive(self, count: int) -> list[LeasedMessage]:
        """Lease up to so many messages; raises AzureError, at once when storage is down."""

        def receive() -> list[LeasedMessage]:
            pages = self._queue.receive_messages(
                messages_per_page=count,
                max_messages=count,
                visibility_timeout=int(self.lease.total_seconds()),
                retry_total=0,
            ).by_page()
            return [LeasedMessage(message) for message in next(pages, ())]

        return await self._on_thread(receive)

    async def renew(self, message: LeasedMessage) -> None:
        """Begin the lease anew; raises LeaseLostError, AzureError."""
        await self._hide(message, self.lease)

    async def release(self, message: LeasedMessage, delay: timedelta) -> None:
        """Let the message be delivered again after a while; raises LeaseLostError, AzureError."""
        await self._hide(message, delay)

    async def delete(self, message: LeasedMessage) -> None:
        """Take the message off the queue; raises LeaseLostError, AzureError."""
        await self._with_lease(lambda: self._queue.delete_message(message.id, message.pop_receipt))

    async def poison(self, message: LeasedMessage) -> None:
        """Move the message to the poison queue; raises LeaseLostError, AzureError.

        Copied first: an end in between leaves two copies, never none.
        """
        await self._on_thread(lambda: self._copy_to_poison_queue(message.text))
        await self.delete(message)

    def _copy_to_poison_queue(self, text: str) -> None:
        try:
            self._poison_queue.send_message(text)
        except ResourceNotFoundError:
            with suppress(ResourceExistsError):  # another message may be quicker
                self._poison_queue.create_queue()
            self._poison_queue.send_message(text)

    async def _hide(self, message: LeasedMessage, duration: timedelta) -> None:
        seconds = int(duration.total_seconds())

        def hide() -> None:
            # By id and receipt: with the message itself the SDK would write its text again.
            updated = self._queue.update_message(
                message.id, message.pop_receipt, visibility_timeout=seconds
            )
            message.pop_receipt = updated.pop_receipt or message.pop_receipt

        await self._with_lease(hide)

    async def _with_lease(self, call: Callable[[], None]) -> None:
        try:
            await self._on_thread(call)
        except HttpResponseError as error:
            if getattr(error, "error_code", None) in _LEASE_LOST_CODES:
                raise LeaseLostError from error
            raise

    async def _on_thread[T](self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)


def _client(connection_string: str, name: str) -> QueueClient:
    return QueueClient.from_connection_string(
        connection_string,
        name,
        use_env_settings=False,  # the environment is the app's settings, and may name a proxy
        retry_policy=LinearRetry(backoff=1, retry_total=2, random_jitter_range=0),
        connection_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
    )
