"""The record of every call, kept around the whole application so that nothing escapes it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import NamedTuple

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Call(NamedTuple):
    """One call; status 0 if it was not answered, or not yet.

    Attributes:
        client_request_id: Its `x-ms-client-request-id`, by which its sender wants it found.
    """

    method: str
    path: str
    status: int
    time: datetime
    query: str
    body: bytes
    client_request_id: str = ""


@dataclass
class _Entry:
    method: str
    path: str
    time: datetime
    query: str
    client_request_id: str
    status: int = 0
    body: bytes = b""

    def frozen(self) -> Call:
        return Call(
            self.method,
            self.path,
            self.status,
            self.time,
            self.query,
            self.body,
            self.client_request_id,
        )


class Recorder:
    """Records calls and credentials, and gives every answer a `Date`."""

    def __init__(self, app: ASGIApp, date: Callable[[], datetime]) -> None:
        """Wraps an application; `date` tells the time."""
        self._app = app
        self._date = date
        self._entries: list[_Entry] = []
        self.authorizations: list[str] = []

    def calls(self) -> list[Call]:
        """The calls so far, in the order in which they came."""
        return [entry.frozen() for entry in list(self._entries)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        entry = _Entry(
            scope["method"],
            scope["path"],
            self._date(),
            scope["query_string"].decode("latin-1"),
            headers.get("x-ms-client-request-id", ""),
        )
        self._entries.append(entry)
        if authorization := headers.get("authorization"):
            self.authorizations.append(authorization)

        async def received() -> Message:
            message = await receive()
            entry.body += message.get("body", b"")
            return message

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry.status = message["status"]
                date = format_datetime(self._date(), usegmt=True)
                MutableHeaders(scope=message).setdefault("Date", date)
            await send(message)

        await self._app(scope, received, sent)
