"""A Partner Center that leads elsewhere whenever it can, and keeps every request it gets."""

import json
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass

from tests.integration.raw_server import RawServer, http_answer, read_request
from tests.shared.builders import TARGET_ID

RUNNING = {"id": TARGET_ID, "status": "running", "createdDateTime": "2026-01-01T00:00:00Z"}
_PATH = re.compile(r"/api/publishers/([^/]+)/offers/([^/]+)/([^?]+)\?api-version=2017-10-31")


@dataclass(frozen=True)
class Heard:
    """A request as it came."""

    method: str
    target: str
    headers: dict[str, str]


class HostileCenter(RawServer):
    """Everything runs, until it was canceled; what its 202 says of a Location is up to each offer.

    Attributes:
        leads: By offer, the whole answer to a cancel call.
        redirects: By offer, the answer to every read once the cancel call was taken.
    """

    def __init__(self) -> None:
        super().__init__(self._talk)
        self.heard: list[Heard] = []
        self.leads: dict[str, bytes] = {}
        self.redirects: dict[str, bytes] = {}
        self._canceled: dict[str, int] = {}

    def _talk(self, connection: socket.socket) -> None:
        head = read_request(connection).partition(b"\r\n\r\n")[0].decode("latin-1")
        first, *lines = head.split("\r\n")
        method, target, _ = f"{first}  ".split(" ", 2)
        fields = dict(line.lower().split(": ", 1) for line in lines)
        self.heard.append(Heard(method, target, fields))
        connection.sendall(self._answer(method, target))

    def _answer(self, method: str, target: str) -> bytes:
        found = _PATH.fullmatch(target)
        if found is None:
            return http_answer(404)
        offer, rest = found[2], found[3]
        if method == "POST":
            self._canceled.setdefault(offer, 0)
            return self.leads.get(offer, http_answer(202, Retry_After="1"))
        if offer in self._canceled and offer in self.redirects:
            self._canceled[offer] += 1
            if self._canceled[offer] <= 2:  # the look after the call, and the first poll
                return self.redirects[offer]
        word = "canceled" if offer in self._canceled else "running"
        operation = {**RUNNING, "status": word}
        bodies: dict[str, Callable[[], object]] = {
            "submissions": lambda: [operation],
            "status": lambda: {"status": word},
            f"operations/{TARGET_ID}": lambda: operation,
        }
        body = bodies.get(rest)
        return http_answer(200, json.dumps(body()).encode()) if body else http_answer(404)
