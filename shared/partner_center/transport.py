"""One HTTP exchange with Partner Center, bounded in time and size, that goes nowhere else.

Redirects are never followed, nothing is retried, and the environment's proxies and ``.netrc`` are
ignored. The deadline holds for the whole exchange: a socket timeout alone would start anew with
every byte that a dripping server sends.
"""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import requests
import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError

from shared.backoff import MAX_BACKOFF_SECONDS
from shared.errors import NotSentError, TransientError
from shared.models import utc_now
from shared.retry_after import http_date, retry_after_seconds
from shared.watched_http import WatchedAdapter, deadline

CONNECT_SECONDS = 10.0
MAX_BODY_BYTES = 1024 * 1024
_CHUNK_BYTES = 64 * 1024

# It warns of a header that it cannot parse, and repeats all that follows: anything may be in there.
logging.getLogger("urllib3.connection").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Answer:
    """What Partner Center answered.

    Attributes:
        status_code: The HTTP status.
        headers: Looked up without case.
        body: At most 1 MiB.
        received_at: When its head came, on our clock.
    """

    status_code: int
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime

    @property
    def clock_offset(self) -> timedelta:
        """Partner Center's clock minus ours, from the ``Date`` header; zero without one."""
        date = http_date(self.headers.get("Date", ""))
        return date - self.received_at if date else timedelta()

    def json(self) -> Any:
        """The body as JSON, or None for anything that is not."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait as asked (number or date), at most 15 minutes; None when not asked."""
        asked = self.headers.get("Retry-After", "")
        seconds = retry_after_seconds(asked, self.received_at, self.clock_offset)
        return None if seconds is None else min(seconds, MAX_BACKOFF_SECONDS)


class Exchange(Protocol):
    """How requests get to the one origin and their answers back."""

    def send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None,
        deadline_seconds: float,
    ) -> Answer:
        """One exchange; raises as ``Transport.send`` does."""


class Transport:
    """Sends requests to one origin. Safe to share between threads."""

    def __init__(self, origin: str, clock: Callable[[], datetime] = utc_now) -> None:
        """Send to this scheme and host, and to no other."""
        self._origin = origin
        self._clock = clock
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.mount("http://", WatchedAdapter())
        self._session.mount("https://", WatchedAdapter())

    def send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None,
        deadline_seconds: float,
    ) -> Answer:
        """One exchange, at most ``deadline_seconds`` long.

        Raises:
            NotSentError: No connection could be made.
            TransientError: The answer did not come, or not whole; the request may have arrived.
        """
        request = requests.Request(method, self._origin + path, headers=dict(headers), data=body)
        with deadline(deadline_seconds) as guard:
            late = f"Partner Center's answer to {method} did not come within {deadline_seconds:g} s"
            try:
                answer = self._exchange(self._session.prepare_request(request), deadline_seconds)
            except (requests.RequestException, HTTPError, OSError) as error:
                if _never_connected(error):
                    raise NotSentError(f"{self._origin} could not be reached") from error
                is_late = guard.is_over or isinstance(error, requests.Timeout)
                broken = f"Partner Center's answer to {method} broke off"
                raise TransientError(late if is_late else broken) from error
            if guard.is_over:  # where nothing says how long it is, the cut looks like its end
                raise TransientError(late)
            return answer

    def _exchange(self, request: requests.PreparedRequest, deadline_seconds: float) -> Answer:
        timeout = (min(CONNECT_SECONDS, deadline_seconds), deadline_seconds)
        with self._session.send(
            request, timeout=timeout, allow_redirects=False, stream=True
        ) as response:
            received_at = self._clock()  # before the body, which may take its time
            body = _read(response.raw)
            return Answer(response.status_code, response.headers, body, received_at)


def _read(raw: urllib3.HTTPResponse) -> bytes:
    body = bytearray()
    while chunk := raw.read1(_CHUNK_BYTES, decode_content=False):
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise TransientError(f"an answer larger than {MAX_BODY_BYTES} bytes")
    return bytes(body)


def _never_connected(error: BaseException) -> bool:
    """Whether Partner Center surely did not get the request: no connection was made at all."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, NewConnectionError)
