"""The whole stack on one machine: storage, Partner Center, mail, and the functions host.

All of it listens on loopback only, and all of its state is in one folder, which one stack at a
time can use.
"""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from azure.core.exceptions import ResourceExistsError
from azure.storage.queue import QueueServiceClient

from devstack.azurite import Azurite
from devstack.errors import StackError
from devstack.events import Event, EventLog
from devstack.functions_host import FunctionsHost
from devstack.mailbox import Mailbox
from devstack.partner_center import DEFAULT_TOKEN, Simulator
from devstack.processes import ROOT
from shared.queues import CANCEL_REQUESTS, PENDING_CANCELLATIONS, POISON_SUFFIX

SENDER = "offer-cancel@example.com"
DEFAULT_RECIPIENT = "release-team@example.com"


@dataclass(frozen=True)
class Ports:
    """The port of each part on 127.0.0.1; 0 for a free one."""

    http: int = 0
    partner_center: int = 0
    smtp: int = 0
    blob: int = 0
    queue: int = 0
    table: int = 0


class Stack:
    """All parts, as a context manager; each can be stopped and started again by itself.

    Args:
        folder: Where its state goes: ``storage/``, ``mail/``, ``host.log``.
        app: The function app.
        ports: The ports; free ones by default.
        settings: App settings that differ from the stack's own.
        lease_seconds: As of ``FunctionsHost``.
        host_program: Its ``program``.
        on_event: Called with each event, besides being kept in ``events``.
        keeps_storage: Whether queues and table outlive the stack; else they are in memory.

    Attributes:
        storage: Azurite.
        partner_center: The simulator, with its truth.
        mailbox: What was mailed.
        host: The functions host.
        events: What app and host wrote, as it happens.
    """

    def __init__(
        self,
        folder: Path,
        *,
        app: Path = ROOT,
        ports: Ports | None = None,
        settings: Mapping[str, str] | None = None,
        lease_seconds: int | None = None,
        host_program: str = "devstack.host",
        on_event: Callable[[Event], None] | None = None,
        keeps_storage: bool = False,
    ) -> None:
        """Remember how to start it; ``start`` or ``with`` starts it."""
        self.folder = folder
        self.events = EventLog()
        self._app = app
        self._ports = ports or Ports()
        self._settings = dict(settings or {})
        self._lease_seconds = lease_seconds
        self._host_program = host_program
        self._on_event = on_event
        self._running = contextlib.ExitStack()
        self.storage = Azurite(
            folder / "storage" if keeps_storage else None,
            blob_port=self._ports.blob,
            queue_port=self._ports.queue,
            table_port=self._ports.table,
        )
        self.partner_center: Simulator
        self.mailbox: Mailbox
        self.host: FunctionsHost

    @property
    def url(self) -> str:
        """Where the HTTP functions are."""
        return self.host.url

    def start(self, *, with_host: bool = True) -> None:
        """Start every part, and wait until all of them answer.

        Without the host, ``host.start()`` starts it later, or another host takes its place.

        Raises:
            StackError: A part did not start; with its own message. No part runs then.
        """
        with contextlib.ExitStack() as starting:
            starting.enter_context(_alone_in(self.folder))
            self.partner_center = starting.enter_context(
                Simulator(self._ports.partner_center, DEFAULT_TOKEN)
            )
            self.mailbox = starting.enter_context(Mailbox(self.folder / "mail", self._ports.smtp))
            # Stopped last: what the host still does when it ends is written to storage.
            starting.callback(self.storage.stop)
            self.storage.start()
            _declare_queues(self.storage.connection_string)
            self.host = self._functions_host()
            starting.callback(self.host.stop)
            if with_host:
                self.host.start()
            self._running = starting.pop_all()

    def stop(self) -> None:
        """Stop every part that runs."""
        self._running.close()

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.stop()

    def app_settings(self) -> dict[str, str]:
        """Every setting that the app runs with; complete once the stack has been started."""
        return {
            "AzureWebJobsStorage": self.storage.connection_string,
            "CancelStorage": self.storage.connection_string,
            "FUNCTIONS_WORKER_RUNTIME": "python",
            "POLL_SCHEDULE": "*/15 * * * * *",
            "PARTNER_CENTER_URL": self.partner_center.url,
            "PARTNER_CENTER_STATIC_TOKEN": self.partner_center.token,
            "NOTIFICATION_SENDER": SENDER,
            "NOTIFICATION_SMTP_URL": self.mailbox.url,
            "NOTIFICATION_DEFAULT_EMAILS": DEFAULT_RECIPIENT,
            "PYTHON_THREADPOOL_THREAD_COUNT": "16",
            **self._settings,
        }

    def _functions_host(self) -> FunctionsHost:
        return FunctionsHost(
            self._app,
            self.app_settings(),
            log=self.folder / "host.log",
            port=self._ports.http,
            lease_seconds=self._lease_seconds,
            program=self._host_program,
            on_event=self._take,
        )

    def _take(self, event: Event) -> None:
        self.events.add(event)
        if self._on_event:
            self._on_event(event)


def _declare_queues(connection_string: str) -> None:
    """Make what a deployment declares, so that other services can send before the app has run."""
    with QueueServiceClient.from_connection_string(connection_string) as service:
        for name in (CANCEL_REQUESTS, PENDING_CANCELLATIONS):
            for queue in (name, name + POISON_SUFFIX):
                with contextlib.suppress(ResourceExistsError):
                    service.create_queue(queue)


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    opened = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StackError(f"Another stack uses the folder {folder}.") from error
        yield
    finally:
        os.close(opened)
