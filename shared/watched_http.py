"""HTTP connections that end at a deadline, whatever the other side does.

A socket's timeout begins anew with every byte that a dripping server sends. Nothing is retried,
and nothing is kept of one call for the next but the connection.
"""

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_CONNECTIONS = 32  # at least as many as there are workers


class Guard:
    """The socket in use; another thread shuts it down when the time is over.

    Attributes:
        is_over: Whether it is.
    """

    def __init__(self) -> None:
        """Nothing is in use yet."""
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self.is_over = False

    def watch(self, connection_socket: socket.socket | None) -> None:
        """From now on this one is in use."""
        with self._lock:
            self._socket = connection_socket
            if self.is_over:
                self._shut_down()

    def release(self) -> None:
        """None is in use any more."""
        with self._lock:
            self._socket = None

    def expire(self) -> None:
        """The time is over."""
        with self._lock:
            self.is_over = True
            self._shut_down()

    def _shut_down(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


_guarded = threading.local()


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[Guard]:
    """Shut this thread's connection down when the time is over, whatever it is waiting for.

    It holds for calls of sessions that have a ``WatchedAdapter``; these make none without it.
    """
    guard = Guard()
    _guarded.current = guard
    timer = threading.Timer(seconds, guard.expire)
    timer.daemon = True
    timer.start()
    try:
        yield guard
    finally:
        timer.cancel()
        guard.release()
        timer.join()
        _guarded.current = None


class _WatchedConnection(HTTPConnection):
    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]
        _guarded.current.watch(self.sock)
        return super().getresponse()


class _WatchedTlsConnection(HTTPSConnection):
    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]
        _guarded.current.watch(self.sock)
        return super().getresponse()


class _WatchedPool(HTTPConnectionPool):
    ConnectionCls = _WatchedConnection


class _WatchedTlsPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTlsConnection


class WatchedAdapter(HTTPAdapter):
    """Makes connections that ``deadline`` can cut, and never retries."""

    def __init__(self) -> None:
        """Keep as many connections as there may be workers."""
        super().__init__(pool_maxsize=_CONNECTIONS, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make pools of watched connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {
            "http": _WatchedPool,
            "https": _WatchedTlsPool,
        }
