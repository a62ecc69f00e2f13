"""The trace that a request belongs to: W3C ``traceparent`` in, one id for it everywhere after.

What is worked on is set for each step, in the thread that does it, so that every event and every
call to Partner Center carries the trace without being handed it.
"""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

HEADER = "traceparent"
_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

_request_id = ContextVar("request_id", default="")
_trace_id = ContextVar("trace_id", default="")


def valid_traceparent(value: Any) -> str | None:
    """The value, if it is a ``traceparent`` of version 00 to the letter; else None.

    Any value is safe to ask about. No request fails for a bad one: it is as if none was given.
    """
    return value if isinstance(value, str) and _TRACEPARENT.fullmatch(value) else None


def trace_id_of(traceparent: str | None) -> str:
    """The trace id, 32 lower-case hexadecimal digits; empty without a valid ``traceparent``."""
    found = _TRACEPARENT.fullmatch(traceparent or "")
    return found[1] if found else ""


@contextmanager
def working_on(request_id: str, traceparent: str | None) -> Iterator[None]:
    """Within, events and calls to Partner Center of this thread belong to this request."""
    request = _request_id.set(request_id)
    trace = _trace_id.set(trace_id_of(traceparent))
    try:
        yield
    finally:
        _trace_id.reset(trace)
        _request_id.reset(request)


def current_request_id() -> str:
    """The request that this thread is working on; empty where it is none."""
    return _request_id.get()


def current_trace_id() -> str:
    """The trace of what this thread is working on; empty where it has none."""
    return _trace_id.get()


def client_request_id() -> str:
    """What a call to Partner Center is to be found by, as a GUID.

    The trace id; without a trace the id of the request; a new one for what belongs to neither.
    """
    try:
        return str(uuid.UUID(_trace_id.get() or _request_id.get()))
    except ValueError:
        return str(uuid.uuid4())
