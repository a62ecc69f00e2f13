"""Stands between the app and Azurite, and writes down every exchange as it is on the wire.

What the SDKs do, and what the Functions host does by itself, is counted alike. Requests are passed
on as they are: a shared key signs the path, which stays the same, and not the host name.
"""

import http.client
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from devstack.azurite import Azurite

_SERVICES = ("Queue", "Table")
_WRITES = frozenset({"POST", "PUT", "PATCH", "MERGE", "DELETE"})
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})


@dataclass(frozen=True)
class Exchange:
    """One request to Storage, and its answer.

    Attributes:
        service: ``Queue`` or ``Table``.
        method: The HTTP method.
        target: Path and query.
        request: The body.
        status: The answer's status.
        response: The answer's body.
        ended_at: When the answer was there, on the monotonic clock of the machine.
    """

    service: str
    method: str
    target: str
    request: bytes
    status: int
    response: bytes
    ended_at: float

    @property
    def is_durable(self) -> bool:
        """Whether something was written by it; taking messages writes, too, but keeps nothing."""
        return self.method in _WRITES and self.status < 300


class Wire:
    """A proxy for the queues and one for the tables, as a context manager.

    Attributes:
        exchanges: What was passed on, in the order of the answers.
        on_exchange: Called with each, before its answer goes on to the client.
    """

    def __init__(self, storage: Azurite) -> None:
        """Stand before this storage, which has been started."""
        self.exchanges: list[Exchange] = []
        self.on_exchange: Callable[[Exchange], None] = lambda _: None
        self._storage = storage
        self._servers = {name: _Server(name, storage.ports[name], self._keep) for name in _SERVICES}

    @property
    def connection_string(self) -> str:
        """The storage's, by way of here."""
        through = self._storage.connection_string
        for name, server in self._servers.items():
            direct = f"http://127.0.0.1:{self._storage.ports[name]}/"
            through = through.replace(direct, f"http://127.0.0.1:{server.server_port}/")
        return through

    def __enter__(self) -> Self:
        """Start both."""
        for server in self._servers.values():
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Stop both."""
        for server in self._servers.values():
            server.shutdown()
            server.server_close()

    def _keep(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)
        self.on_exchange(exchange)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, name: str, port: int, keep: Callable[[Exchange], None]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.name, self.port, self.keep = name, port, keep

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is gone, as one that was ended on purpose, is nothing to tell."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self._upstream = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)

    def finish(self) -> None:
        self._upstream.close()
        super().finish()

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._upstream.putrequest(
            self.command, self.path, skip_host=True, skip_accept_encoding=True
        )
        for name, value in self.headers.items():
            self._upstream.putheader(name, value)
        self._upstream.endheaders(body)
        answer = self._upstream.getresponse()
        content = answer.read()
        exchange = Exchange(
            self.server.name,
            self.command,
            self.path,
            body,
            answer.status,
            content,
            time.monotonic(),
        )
        self.server.keep(exchange)
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        if answer.status != http.HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_PUT = do_PATCH = do_MERGE = do_DELETE = do_HEAD = do_GET  # noqa: N815
