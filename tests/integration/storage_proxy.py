"""Storage with something in between: calls that fail, never come back, or are answered late.

A proxy stands in front of one service of Azurite. It passes on what comes, byte for byte, but for
the calls that a test lets fail, and it can show another time than the one on this machine's clock.
"""

import asyncio
import http.client
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Self
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from devstack.azurite import ACCOUNT_NAME, Azurite
from devstack.partner_center.server import LoopbackServer

_PATIENCE_SECONDS = 60.0
_FOREVER_SECONDS = 3600.0
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})
_OPERATION = re.compile(rb"^(?P<method>[A-Z]+) (?P<url>\S+) HTTP/1\.1\r?$", re.MULTILINE)
_INSERTED = re.compile(rb"(?<=<InsertionTime>)[^<]+")


@dataclass(frozen=True)
class Trouble:
    """What becomes of a call that is struck.

    Attributes:
        status: What it is answered; None never answers.
        code: Storage's own word for it.
        carried_out: Whether the call has its effect all the same.
    """

    status: int | None = 503
    code: str = "ServerBusy"
    carried_out: bool = False


@dataclass
class _Strike:
    applies: Callable[[str], bool]
    trouble: Trouble
    left: int


class StorageProxy:
    """One service of Azurite, at a port of its own.

    Attributes:
        clock_offset: How far Storage's clock is ahead of this machine's.
        calls: What came so far, as ``METHOD path`` below the account, without the query; a
            transaction goes by its first operation.
        struck: Those of them that met trouble.
    """

    def __init__(self, upstream_port: int) -> None:
        """Take a free port; nothing is served before ``with``."""
        self.clock_offset = timedelta()
        self.calls: list[str] = []
        self.struck: list[str] = []
        self._upstream_port = upstream_port
        self._strikes: list[_Strike] = []
        self._server = LoopbackServer(self, 0)

    @property
    def port(self) -> int:
        """The port."""
        return self._server.port

    def __enter__(self) -> Self:
        """Serve."""
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End it, whatever hangs."""
        self._server.close()

    def strike(
        self, applies: Callable[[str], bool], trouble: Trouble, *, times: int = 1_000_000
    ) -> None:
        """Let calls fail from now on: so many of those that the test picks by their name."""
        self._strikes.append(_Strike(applies, trouble, times))

    def heal(self) -> None:
        """Let no call fail any more."""
        self._strikes.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call."""
        request = Request(scope, receive)
        body = await request.body()
        path = scope["raw_path"].decode()
        call = _name(request.method, path, body)
        self.calls.append(call)
        trouble = self._trouble(call)
        if trouble is None:
            response = await asyncio.to_thread(self._passed_on, request, path, body)
        else:
            self.struck.append(call)
            if trouble.carried_out:
                await asyncio.to_thread(self._passed_on, request, path, body)
            if trouble.status is None:
                await asyncio.sleep(_FOREVER_SECONDS)
            response = _answer(trouble, as_json="json" in request.headers.get("accept", ""))
        await response(scope, receive, send)

    def _trouble(self, call: str) -> Trouble | None:
        for each in self._strikes:
            if each.left > 0 and each.applies(call):
                each.left -= 1
                return each.trouble
        return None

    def _passed_on(self, request: Request, path: str, body: bytes) -> Response:
        connection = http.client.HTTPConnection(
            "127.0.0.1", self._upstream_port, timeout=_PATIENCE_SECONDS
        )
        query = request.scope["query_string"].decode()
        headers = {
            name: value for name, value in request.headers.items() if name not in _HOP_BY_HOP
        }
        connection.request(request.method, f"{path}?{query}" if query else path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        response = Response(
            _INSERTED.sub(lambda found: self._shifted(found[0].decode()).encode(), content),
            answer.status,
        )
        for name, value in answer.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                response.headers[name] = self._shifted(value) if name.lower() == "date" else value
        return response

    def _shifted(self, date: str) -> str:
        return format_datetime(parsedate_to_datetime(date) + self.clock_offset, usegmt=True)


def _name(method: str, path: str, body: bytes) -> str:
    if path.endswith("/$batch") and (first := _OPERATION.search(body)):
        method, path = first["method"].decode(), urlsplit(first["url"]).path.decode()
    return f"{method} {path.removeprefix(f'/{ACCOUNT_NAME}')}"


def _answer(trouble: Trouble, *, as_json: bool) -> Response:
    """An error as the table service (JSON) or the queue service (XML) words it."""
    error = {"code": trouble.code, "message": {"lang": "en-US", "value": trouble.code}}
    content = (
        json.dumps({"odata.error": error})
        if as_json
        else f"<Error><Code>{trouble.code}</Code><Message>{trouble.code}</Message></Error>"
    )
    assert trouble.status is not None
    media_type = "application/json" if as_json else "application/xml"
    headers = {"x-ms-error-code": trouble.code}
    return Response(content, trouble.status, headers, media_type)


@dataclass(frozen=True)
class TroubledStorage:
    """Azurite with a proxy in front of its queues, and one in front of its tables."""

    azurite: Azurite
    queues: StorageProxy
    tables: StorageProxy

    @property
    def connection_string(self) -> str:
        """What a client needs that is to go through the proxies."""
        through = self.azurite.connection_string
        for name, proxy in (("Queue", self.queues), ("Table", self.tables)):
            through = through.replace(f":{self.azurite.ports[name]}/", f":{proxy.port}/")
        return through

    @property
    def struck(self) -> list[str]:
        """The calls that met trouble: first those to the tables."""
        return [*self.tables.struck, *self.queues.struck]

    def strike(
        self,
        applies: Callable[[str], bool] = lambda call: True,
        trouble: Trouble = Trouble(),
        *,
        times: int = 1_000_000,
    ) -> None:
        """Let calls of both services fail."""
        for proxy in (self.queues, self.tables):
            proxy.strike(applies, trouble, times=times)

    def heal(self) -> None:
        """Let no call fail any more, and forget which did."""
        for proxy in (self.queues, self.tables):
            proxy.heal()
            proxy.struck.clear()

    def set_clock(self, offset: timedelta) -> None:
        """Show times that are so far ahead."""
        self.queues.clock_offset = self.tables.clock_offset = offset


@contextmanager
def troubled(azurite: Azurite) -> Iterator[TroubledStorage]:
    """Proxies in front of a storage that runs."""
    ports = azurite.ports
    with StorageProxy(ports["Queue"]) as queues, StorageProxy(ports["Table"]) as tables:
        yield TroubledStorage(azurite, queues, tables)
