"""An SMTP server that says exactly what it is told to, for what no sound server would do."""

import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from enum import Enum
from types import TracebackType
from typing import BinaryIO, Final, Self

_DRIP_SECONDS = 0.02
_FINE: Final = {
    "GREETING": "220 ready",
    "EHLO": "250-scripted\r\n250 AUTH PLAIN LOGIN",
    "AUTH": "235 welcome",
    "MAIL": "250 fine",
    "RCPT": "250 fine",
    "DATA": "354 go on",
    ".": "250 kept",
    "QUIT": "221 bye",
}


class Trouble(Enum):
    """What a server can do instead of answering."""

    HANG_UP = "close the connection"
    SAY_NOTHING = "wait for the client to give up"
    DRIP = "send a byte of an answer now and then, for ever"


type Reply = str | Trouble


class ScriptedSmtp:
    """Answers one client after the other by verb; ``.`` is the end of a mail."""

    def __init__(self, at_port: int = 0, /, **replies: Reply) -> None:
        """Takes that port, or a free one. ``END`` stands for the answer to the mail itself."""
        end = {".": replies.pop("END")} if "END" in replies else {}
        self._replies: Mapping[str, Reply] = {**_FINE, **replies, **end}
        self.heard: list[str] = []
        self.mail = b""
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", at_port))
        self.port: int = self._listener.getsockname()[1]
        self._client: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        """Starts it."""
        self._thread.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Stops it, whatever it is doing."""
        self._ended.set()
        for line in (self._listener, self._client):
            with suppress(OSError):
                if line:
                    line.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while not self._ended.is_set():
                client, _ = self._listener.accept()
                self._client = client
                with client, client.makefile("rb") as lines, suppress(OSError):
                    self._talk(client, lines)

    def _talk(self, client: socket.socket, lines: BinaryIO) -> None:
        verb = "GREETING"
        while self._answer(client, verb):
            if verb == "DATA" and self._replies["DATA"] == _FINE["DATA"]:
                self.mail = b"".join(iter(lines.readline, b".\r\n"))
                verb = "."
                continue
            line = lines.readline().decode("latin-1").strip()
            if not line:
                return
            self.heard.append(line)
            verb = line.split()[0].upper()

    def _answer(self, client: socket.socket, verb: str) -> bool:
        reply = self._replies.get(verb, "500 what?")
        if isinstance(reply, str):
            client.sendall(f"{reply}\r\n".encode())
            return verb != "QUIT"
        if reply is Trouble.SAY_NOTHING:
            client.recv(1)
        while reply is Trouble.DRIP and not self._ended.wait(_DRIP_SECONDS):
            client.sendall(b"2")
        return False
