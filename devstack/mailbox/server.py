"""The SMTP server of the mailbox, on a loopback port, in a thread.

aiosmtpd's own `Controller` cannot take a free port (it connects to the port it was given to see
whether it answers), so the loop is ours and only its protocol is used.
"""

import asyncio
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from aiosmtpd.smtp import SMTP

from devstack import loopback
from devstack.errors import PortInUseError
from devstack.mailbox.folder import MailFolder, ReceivedMail
from devstack.mailbox.rules import Rules

_START_SECONDS = 15
_LOOK_SECONDS = 0.02


class Mailbox:
    """Receives mail by SMTP and keeps it in a folder."""

    def __init__(
        self,
        folder: Path,
        port: int = 0,
        *,
        login: tuple[str, str] | None = None,
        starttls: ssl.SSLContext | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Takes the port; nothing is received before `start`.

        Args:
            folder: Where the mails go; made when the first arrives.
            port: The port on 127.0.0.1, 0 for a free one.
            login: User and password, demanded before any mail (AUTH LOGIN or PLAIN).
            starttls: Demands STARTTLS with this context.
            tls: Speaks TLS from the first byte with this context.

        Raises:
            PortInUseError: The port is taken.
        """
        self.folder = MailFolder(folder)
        self._rules = Rules(self.folder, login)
        self._starttls = starttls
        self._tls = tls
        self._socket = _bound(port)
        self.port: int = self._socket.getsockname()[1]
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = asyncio.Event()

    @property
    def url(self) -> str:
        """The address as the app's settings want it, without a login."""
        return f"{'smtps' if self._tls else 'smtp'}://{loopback.HOST}:{self.port}"

    def start(self) -> None:
        """Receives; also brings it back after `stop`, on the same port."""
        if self._thread is not None:
            return
        if self._socket.fileno() == -1:
            self._socket = _bound(self.port)
        # It logs a deprecation of its own at every login.
        logging.getLogger("mail.log").setLevel(logging.ERROR)
        self._ready.clear()
        self._thread = threading.Thread(
            target=asyncio.run, args=(self._serve(),), name=f"port {self.port}", daemon=True
        )
        self._thread.start()
        if not self._ready.wait(_START_SECONDS):
            raise RuntimeError(f"the mailbox does not answer on port {self.port}")

    def stop(self) -> None:
        """Cuts every connection and gives the port back; the mails stay."""
        if self._thread is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join()
            self._thread = None
        self._socket.close()

    def stop_answering(self) -> None:
        """Cuts every connection and refuses new ones until `start`; nobody else gets the port."""
        self.stop()
        self._socket = _bound(self.port)

    def __enter__(self) -> Self:
        """Starts it."""
        self.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Stops it."""
        self.stop()

    def mails(self) -> list[ReceivedMail]:
        """Every mail in the folder, the first received first."""
        return self.folder.mails()

    def wait_for(
        self, predicate: Callable[[ReceivedMail], bool], timeout: float = 10
    ) -> ReceivedMail:
        """The first mail that fits, as soon as it is there.

        Raises:
            TimeoutError: None came in time; the message lists the subjects that did.
        """
        deadline = time.monotonic() + timeout
        while True:
            mails = self.mails()
            if found := next((mail for mail in mails if predicate(mail)), None):
                return found
            if time.monotonic() > deadline:
                subjects = [mail.subject for mail in mails]
                raise TimeoutError(f"no such mail in {timeout} s; there are: {subjects}")
            time.sleep(_LOOK_SECONDS)

    def refuse(self, recipient: str, code: int = 550) -> None:
        """Refuses a recipient: for good with 550, for now with 451."""
        self._rules.refused_recipients[recipient.lower()] = code

    def refuse_everything(self, code: int = 451) -> None:
        """Refuses every mail until `accept_again`."""
        self._rules.refused_everything = code

    def accept_again(self) -> None:
        """Refuses nothing and nobody any more, and loses no more answers."""
        self._rules.refused_everything = None
        self._rules.refused_recipients.clear()
        self._rules.answers_to_lose = 0

    def lose_answers(self, count: int = 1) -> None:
        """Keeps the next mails, but closes the connection where the answer to DATA belongs."""
        self._rules.answers_to_lose = count

    async def _serve(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        server = await self._loop.create_server(self._protocol, sock=self._socket, ssl=self._tls)
        self._ready.set()
        await self._ended.wait()
        # Python 3.13 mislays a connection that was accepted and finds its server closed.
        self._loop.remove_reader(self._socket)
        await asyncio.sleep(0)
        server.close()
        server.abort_clients()
        await server.wait_closed()

    def _protocol(self) -> SMTP:
        return SMTP(
            self._rules,
            hostname="mailbox.localhost",
            enable_SMTPUTF8=True,
            tls_context=self._starttls,
            require_starttls=self._starttls is not None,
            authenticator=self._rules.authenticate,
            auth_require_tls=False,
            loop=self._loop,
        )


def _bound(port: int) -> socket.socket:
    try:
        return loopback.bound(port)
    except OSError as error:
        raise PortInUseError("the mailbox", port) from error
