"""The HTTP server below the app: uvicorn, with its end in the host's hands."""

import asyncio
import errno
import socket
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from devstack import loopback
from devstack.host.errors import PortUnavailableError


def listen(port: int) -> socket.socket:
    """Take a port of the loopback interface, 0 for any free one; raises PortUnavailableError.

    It listens from the start: two sockets that are only bound could share one port.
    """
    try:
        listening = loopback.bound(port)
        listening.listen()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortUnavailableError(
                f"port {port} is in use by another program: choose another with --port, "
                "or 0 for any free one"
            ) from error
        raise PortUnavailableError(f"cannot listen on port {port}: {error.strerror}") from error
    return listening


def url_of(listening: socket.socket) -> str:
    """Return the address at which the socket can be reached."""
    return f"http://{loopback.HOST}:{listening.getsockname()[1]}"


class HttpServer(uvicorn.Server):
    """Serves until told to stop, not until a signal comes: the signals are the host's."""

    def __init__(self, app: ASGIApp) -> None:
        """Prepare it; nothing is served before ``serve``."""
        super().__init__(
            uvicorn.Config(
                app,
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
            )
        )
        self.is_up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept connections, and say so."""
        await super().startup(sockets)
        self.is_up.set()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave the signals alone."""
        yield
