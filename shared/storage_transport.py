"""How requests to the storage account are sent: over connections that are kept for the next one.

The service closes a connection that lies idle, and may do so at the very moment at which it is used
again. Such a request was never looked at, so it is sent once more, at once, on a new connection;
were it taken for an outage, a mail just sent could not be marked as sent.
"""

from collections.abc import Callable
from types import TracebackType
from typing import Self

import requests
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse, Retry
from urllib3.connectionpool import ConnectionPool
from urllib3.exceptions import ReadTimeoutError

# An accept makes two calls and, when one fails, a third that cleans up; it answers within 10 s.
# A token may have to be had first.
CONNECT_SECONDS = 1
READ_SECONDS = 2
_CONNECTIONS = 32  # at least as many as there are workers


def storage_transport(
    on_answer: Callable[[requests.Response], None] | None = None,
) -> RequestsTransport:
    """A transport of its own: the environment's proxies and ``.netrc`` are none of ours.

    It bounds each call by itself, since the SDKs leave the timeouts that a client is given to the
    transport that they make, and make none where they are handed one.

    Args:
        on_answer: Called with each answer, whatever it says, before anybody reads it.
    """
    once_more = _OnClosedConnection(
        1, connect=False, status=0, other=0, allowed_methods=None, respect_retry_after_header=False
    )
    session = requests.Session()
    session.trust_env = False
    if on_answer is not None:
        session.hooks["response"].append(lambda answer, **_: on_answer(answer))
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=_CONNECTIONS, max_retries=once_more))
    return RequestsTransport(
        session=session,
        use_env_settings=False,
        connection_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
    )


class _OnClosedConnection(Retry):
    """Repeats what met a closed connection, never what took too long: deadlines must hold."""

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        if isinstance(error, ReadTimeoutError):
            raise error
        return super().increment(method, url, response, error, _pool, _stacktrace)
