"""The running host: every listener of the app, from ready to stopped."""

import asyncio
import json
import logging
import signal
import socket
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import NoReturn

from devstack.host.admin import AdminApi
from devstack.host.function_json import FunctionDefinition, QueueTrigger, TimerTrigger
from devstack.host.host_json import HostConfiguration
from devstack.host.http_listener import HttpListener
from devstack.host.http_server import HttpServer, url_of
from devstack.host.message_processing import MessageProcessor
from devstack.host.queue_listener import QueueListener
from devstack.host.runtime import FunctionRuntime
from devstack.host.stopping import EXIT_ERROR, EXIT_STOPPED, StopSignal, leave
from devstack.host.storage_queue import StorageQueue
from devstack.host.timer_listener import TimerListener

SHUTDOWN_GRACE_SECONDS = 10

_log = logging.getLogger(__name__)


class Host:
    """The listeners of one app."""

    def __init__(
        self,
        functions: Sequence[FunctionDefinition],
        configuration: HostConfiguration,
        runtime: FunctionRuntime,
        lease: timedelta,
    ) -> None:
        """Take the app's functions, loaded into the runtime; nothing listens before ``run``."""
        self._functions = functions
        self._configuration = configuration
        self._runtime = runtime
        self._lease = lease

    async def run(self, listening: socket.socket) -> NoReturn:
        """Serve until SIGINT or SIGTERM, then end the process.

        Invocations that are running get a few seconds; what is left then is left to its lease.
        """
        stop = StopSignal()
        for signum in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(signum, stop.set)
        admin = AdminApi(self._functions, self._runtime)
        server = HttpServer(
            HttpListener(self._functions, self._configuration.route_prefix, self._runtime, admin)
        )
        tasks = [asyncio.create_task(server.serve([listening]))]
        tasks += [asyncio.create_task(listener.run(stop)) for listener in self._listeners()]
        await self._announce(server, listening)
        await self._serve(tasks, stop)
        server.should_exit = True
        await self._stop([*tasks, asyncio.create_task(admin.finish())])
        leave(EXIT_STOPPED)

    def _listeners(self) -> Iterable[QueueListener | TimerListener]:
        for function in self._functions:
            if isinstance(function.trigger, TimerTrigger):
                yield TimerListener(function, function.trigger.schedule, self._runtime)
            elif isinstance(function.trigger, QueueTrigger):
                yield self._queue_listener(function, function.trigger)

    def _queue_listener(self, function: FunctionDefinition, trigger: QueueTrigger) -> QueueListener:
        options = self._configuration.queues
        queue = StorageQueue(trigger.connection_string, trigger.queue_name, self._lease)
        processor = MessageProcessor(function, queue, options, self._runtime)
        return QueueListener(queue, options, processor)

    async def _announce(self, server: HttpServer, listening: socket.socket) -> None:
        await server.is_up.wait()
        ready = {
            "event": "host-ready",
            "url": url_of(listening),
            "functions": [function.name for function in self._functions],
        }
        print(json.dumps(ready), flush=True)

    async def _serve(self, tasks: Iterable[asyncio.Task[None]], stop: StopSignal) -> None:
        stopped = asyncio.create_task(stop.wait())
        ended, _ = await asyncio.wait({stopped, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        if stopped not in ended:
            # A host that has gone deaf to one of its triggers must not look alive.
            for task in ended:
                _log.critical("a listener ended by itself", exc_info=task.exception())
            leave(EXIT_ERROR)

    async def _stop(self, tasks: Iterable[asyncio.Task[None]]) -> None:
        _, left = await asyncio.wait(tasks, timeout=SHUTDOWN_GRACE_SECONDS)
        if left:
            _log.warning("stopping with invocations still running: they are left to their leases")
