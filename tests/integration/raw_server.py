"""Servers on loopback that say what they are told to, and count who comes."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

type Talk = Callable[[socket.socket], None]


def read_request(connection: socket.socket) -> bytes:
    """Read one HTTP request, with the body that its Content-Length announces."""
    head = b""
    while b"\r\n\r\n" not in head:
        received = connection.recv(65536)
        if not received:
            return head
        head += received
    start, _, body = head.partition(b"\r\n\r\n")
    lengths = [
        int(line.split(b":")[1])
        for line in start.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    ]
    while len(body) < sum(lengths):
        body += connection.recv(65536)
    return start + b"\r\n\r\n" + body


class RawServer:
    """Takes one connection after the other and lets ``talk`` have each, in a thread."""

    def __init__(self, talk: Talk) -> None:
        """Take a free port; nobody is answered before ``start``."""
        self._talk = talk
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self.connections = 0

    @property
    def url(self) -> str:
        """The address."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        """Start it."""
        self._run(self._accept)
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """End it, whatever it is saying."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _run(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.connections += 1
                self._open.append(connection)
                self._run(lambda connection=connection: self._serve(connection))  # type: ignore[misc]

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            self._talk(connection)


def http_answer(status: int, body: bytes = b"", **headers: str) -> bytes:
    """An HTTP answer with its length; ``_`` in a header's name stands for ``-``."""
    fields = {"Content-Length": str(len(body)), "Connection": "close"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode() + body


class ScriptedHttp(RawServer):
    """Gives its answers in order, and keeps the requests; the last answer is given for ever."""

    def __init__(self, *answers: bytes) -> None:
        """Answer so; an empty answer hangs up."""
        super().__init__(self._answer)
        self._answers = list(answers)
        self.requests: list[bytes] = []

    def answer(self, answer: bytes) -> None:
        """Give this answer too, after those given before."""
        self._answers.append(answer)

    def _answer(self, connection: socket.socket) -> None:
        self.requests.append(read_request(connection))
        last = len(self._answers) == 1
        connection.sendall(self._answers[0] if last else self._answers.pop(0))
