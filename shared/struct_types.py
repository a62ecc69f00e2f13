"""Readies struct types for being read from JSON, one thread at a time.

msgspec 0.22 keeps what it works out of a struct type with the type itself, and does so before it is
complete, so that types may refer to themselves. A second thread that reads the same type for the
first time meanwhile follows an empty pointer: the process ends. Requests that come to a cold
process at once do just that.
"""

import threading

import msgspec

_readying = threading.Lock()
_ready: set[object] = set()


def ready[T](kind: type[T]) -> type[T]:
    """The type, safe to be read by any number of threads from now on."""
    if kind not in _ready:
        with _readying:
            msgspec.json.Decoder(kind)  # works it out, all types that it is made of included
            _ready.add(kind)
    return kind
