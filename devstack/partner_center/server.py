"""An ASGI application on a loopback port, in a thread, that can go away and come back."""

import socket
import threading
import time
from asyncio import Transport

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from devstack import loopback
from devstack.errors import PortInUseError

_START_SECONDS = 15


class _OpenProtocol(H11Protocol):
    """Hands the transport to the application, which may want to close it without an answer."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)


class LoopbackServer:
    """Serves an application on one port for as long as the object lives.

    While it is down, the port stays bound but nobody listens: callers are refused, and no other
    program takes the port in the meantime.
    """

    def __init__(self, app: ASGIApp, port: int, part: str = "Partner Center") -> None:
        """Takes the port (0: a free one); nothing is served before `start`.

        Args:
            app: What answers.
            port: The port on 127.0.0.1.
            part: What people call it.

        Raises:
            PortInUseError: The port is taken.
        """
        self._app = app
        self._part = part
        self._socket = _bound(port, part)
        self.port: int = self._socket.getsockname()[1]
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Serves; returns when calls are answered."""
        if self._thread is not None:
            return
        config = uvicorn.Config(
            self._app,
            http=_OpenProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            date_header=False,
            server_header=False,
            timeout_graceful_shutdown=0,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name=f"port {self.port}", daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + _START_SECONDS
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise RuntimeError(f"nothing answers on port {self.port}")
            time.sleep(0.005)

    def stop(self) -> None:
        """Cuts every connection and refuses new ones until `start`."""
        if self._thread is None or self._server is None:
            return
        self._server.should_exit = True
        self._thread.join()
        self._thread = self._server = None
        self._socket = _bound(self.port, self._part)

    def close(self) -> None:
        """Stops and gives the port back."""
        self.stop()
        self._socket.close()


def _bound(port: int, part: str) -> socket.socket:
    try:
        return loopback.bound(port)
    except OSError as error:
        raise PortInUseError(part, port) from error
