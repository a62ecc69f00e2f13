"""The messages that host and runtime exchange, without gRPC.

In Azure they are protobuf classes. The runtime only builds them by keyword, reads their
attributes and asks a oneof for its kind, so namespaces with ``WhichOneof`` serve. This module
itself is what the runtime gets as ``properties["protos"]``: the names are Microsoft's.
"""

from enum import Enum
from types import SimpleNamespace


class _Oneof(SimpleNamespace):
    """A message with exactly one field set; its kind is that field's name."""

    def WhichOneof(self, group: str) -> str | None:  # noqa: N802  # protobuf's name
        return next(iter(vars(self)), None)


class TypedData(_Oneof):
    """A value: ``string``, ``bytes``, ``json``, ``http``, ``int`` or ``double``."""


class ParameterBinding(SimpleNamespace):
    """A value for a function's parameter."""

    def WhichOneof(self, group: str) -> str:  # noqa: N802  # protobuf's name
        """Say that the value comes with the message; shared memory is the other way."""
        return "data"


class BindingInfo(SimpleNamespace):
    """A binding of function.json, whose words for directions serve as the constants."""

    out = "out"
    inout = "inout"
    undefined = None


class StatusResult(SimpleNamespace):
    """How a request ended, with the exception if it failed."""

    Failure = 0
    Success = 1


class RpcException(SimpleNamespace):
    """An exception of the app: ``message`` and ``stack_trace``."""


class RpcHttp(SimpleNamespace):
    """An HTTP request to a function, or its answer."""


class RpcHttpCookie(SimpleNamespace):
    """A cookie of an HTTP answer."""

    SameSite = Enum("SameSite", ["None", "Lax", "Strict", "ExplicitNone"])


class NullableString(SimpleNamespace):
    """A cookie attribute that may be absent."""


class NullableBool(SimpleNamespace):
    """A cookie attribute that may be absent."""


class NullableDouble(SimpleNamespace):
    """A cookie attribute that may be absent."""


class NullableTimestamp(SimpleNamespace):
    """A cookie attribute that may be absent."""


class Timestamp(SimpleNamespace):
    """Seconds since 1970; without this one the runtime would import protobuf for it."""


class WorkerMetadata(SimpleNamespace):
    """What the runtime says about itself."""


class WorkerInitResponse(SimpleNamespace):
    """The answer to ``worker_init_request``."""


class FunctionLoadResponse(SimpleNamespace):
    """The answer to ``function_load_request``."""


class InvocationResponse(SimpleNamespace):
    """The answer to ``invocation_request``."""
