"""What becomes of one message: leased while its function runs, then deleted, retried or poisoned.

At least once: whatever goes wrong between the function's end and the message's, the message is
delivered again.
"""

import asyncio
import logging
from collections.abc import Awaitable
from datetime import timedelta

from azure.core.exceptions import AzureError

from devstack.host.function_json import FunctionDefinition
from devstack.host.host_json import QueueOptions
from devstack.host.protos import TypedData
from devstack.host.queue_message import LeasedMessage, UndecodableMessageError, decoded_text
from devstack.host.runtime import FunctionRuntime
from devstack.host.stopping import StopSignal
from devstack.host.storage_queue import LeaseLostError, StorageQueue

_log = logging.getLogger(__name__)


class MessageProcessor:
    """Runs a function for messages of its queue."""

    def __init__(
        self,
        function: FunctionDefinition,
        queue: StorageQueue,
        options: QueueOptions,
        runtime: FunctionRuntime,
    ) -> None:
        """Bind a function to its queue."""
        self._function = function
        self._queue = queue
        self._options = options
        self._runtime = runtime

    async def process(self, message: LeasedMessage) -> None:
        """See the message to its end, or to its next delivery."""
        if self._is_exhausted(message, self._options.max_dequeue_count + 1):
            # Its deliveries ended without an answer each time: it may be what crashes the host.
            await self._poison(message)
        elif await self._invoke_leased(message):
            await self._settle(message, self._queue.delete(message))
        elif self._is_exhausted(message, self._options.max_dequeue_count):
            await self._poison(message)
        else:
            again = self._queue.release(message, self._options.visibility_timeout)
            await self._settle(message, again)

    async def give_back(self, message: LeasedMessage) -> None:
        """Return a message that was not begun."""
        await self._settle(message, self._queue.release(message, timedelta(0)))

    def _is_exhausted(self, message: LeasedMessage, limit: int) -> bool:
        return message.dequeue_count >= limit and not self._queue.is_poison_queue

    async def _invoke_leased(self, message: LeasedMessage) -> bool:
        done = StopSignal()
        lease = asyncio.create_task(self._keep_leased(message, done))
        try:
            return await self._invoke(message)
        finally:
            done.set()
            # Not cancelled: a renewal under way changes the receipt that settling needs.
            await lease

    async def _invoke(self, message: LeasedMessage) -> bool:
        try:
            text = decoded_text(message.text, self._options.message_encoding)
        except UndecodableMessageError as error:
            _log.error("%s of queue %s: %s", message.id, self._queue.name, error)
            return False
        result = await self._runtime.invoke(
            self._function, TypedData(string=text), message.trigger_metadata()
        )
        return result.succeeded

    async def _keep_leased(self, message: LeasedMessage, done: StopSignal) -> None:
        half = self._queue.lease.total_seconds() / 2
        while True:
            await done.wait(half)
            if done.is_set:
                return
            try:
                await self._queue.renew(message)
            except LeaseLostError:
                _log.warning("lost the lease of message %s: it will come again", message.id)
                return
            except AzureError as error:
                _log.warning("could not renew the lease of message %s: %s", message.id, error)

    async def _poison(self, message: LeasedMessage) -> None:
        _log.warning(
            "message %s of queue %s goes to the poison queue: it was delivered %d times",
            message.id,
            self._queue.name,
            message.dequeue_count,
        )
        await self._settle(message, self._queue.poison(message))

    async def _settle(self, message: LeasedMessage, move: Awaitable[None]) -> None:
        try:
            await move
        except LeaseLostError:
            # The app touched its own message, or took longer than the lease: as in Azure, no more
            # than a remark, and the message is delivered again.
            _log.debug("message %s had already changed hands", message.id)
        except AzureError as error:
            _log.warning("message %s will come again: %s", message.id, error)
