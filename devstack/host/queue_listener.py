"""Listening to a queue: when messages are fetched, and how many are in work at once."""

import asyncio
import logging

from azure.core.exceptions import AzureError, ResourceNotFoundError

from devstack.host.backoff import PollingBackoff
from devstack.host.host_json import QueueOptions
from devstack.host.message_processing import MessageProcessor
from devstack.host.queue_message import LeasedMessage
from devstack.host.stopping import StopSignal
from devstack.host.storage_queue import StorageQueue

_log = logging.getLogger(__name__)


class QueueListener:
    """Polls one queue and has each message processed.

    Neither a missing queue nor storage that is down ends it: it keeps asking, and says so once
    per outage.
    """

    def __init__(
        self, queue: StorageQueue, options: QueueOptions, processor: MessageProcessor
    ) -> None:
        """Prepare it; nothing is received before ``run``."""
        self._queue = queue
        self._options = options
        self._processor = processor
        self._backoff = PollingBackoff(options.max_polling_interval)
        self._in_work: set[asyncio.Task[None]] = set()
        self._is_out = False

    async def run(self, stop: StopSignal) -> None:
        """Listen until the host stops, then return when the messages in work are done."""
        stopped = asyncio.create_task(stop.wait())
        while not stop.is_set:
            if len(self._in_work) > self._options.new_batch_threshold:
                await asyncio.wait({stopped, *self._in_work}, return_when=asyncio.FIRST_COMPLETED)
            elif messages := await self._receive():
                self._backoff.reset()
                await self._dispatch(messages, stop)
            else:
                await stop.wait(self._backoff.next_seconds())
        await asyncio.wait({stopped, *self._in_work})

    async def _receive(self) -> list[LeasedMessage]:
        try:
            messages = await self._queue.receive(self._options.batch_size)
        except AzureError as error:
            self._warn_once(error)
            return []
        if self._is_out:
            _log.info("queue %s can be read again", self._queue.name)
            self._is_out = False
        return messages

    async def _dispatch(self, messages: list[LeasedMessage], stop: StopSignal) -> None:
        for message in messages:
            if stop.is_set:
                # Received while the host began to stop: another one can have it at once.
                await self._processor.give_back(message)
                continue
            task = asyncio.create_task(self._processor.process(message))
            self._in_work.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._in_work.discard(task)
        if not task.cancelled() and (error := task.exception()):
            _log.error("a message of queue %s is left", self._queue.name, exc_info=error)

    def _warn_once(self, error: AzureError) -> None:
        if not self._is_out:
            missing = isinstance(error, ResourceNotFoundError)
            reason = "it does not exist yet" if missing else " ".join(str(error).split())
            _log.warning("waiting for queue %s: %s", self._queue.name, reason)
        self._is_out = True
