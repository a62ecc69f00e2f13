"""The app-wide configuration in host.json, with the defaults of the Azure Functions host."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, field

from devstack.host.errors import AppConfigurationError
from devstack.host.time_span import parse_time_span

_DEFAULT_FUNCTION_TIMEOUT = "00:30:00"
_UNLIMITED = "-1"

type MessageEncoding = Literal["base64", "none"]


@dataclass(frozen=True)
class QueueOptions:
    """How every queue trigger of the app listens."""

    batch_size: int
    new_batch_threshold: int
    visibility_timeout: timedelta
    max_polling_interval: timedelta
    max_dequeue_count: int
    message_encoding: MessageEncoding

    @property
    def concurrency(self) -> int:
        """How many messages may be in work at once."""
        return self.batch_size + self.new_batch_threshold


@dataclass(frozen=True)
class HostConfiguration:
    """What the local host heeds of host.json."""

    route_prefix: str
    queues: QueueOptions
    function_timeout: timedelta | None
    """None is unlimited."""


class _Queues(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    # A misspelt name is an error here: Azure would silently take the default.
    batch_size: Annotated[int, Meta(ge=1, le=32)] = 16
    new_batch_threshold: Annotated[int, Meta(ge=0)] | None = None
    visibility_timeout: str = "00:00:00"
    max_polling_interval: str = "00:01:00"
    max_dequeue_count: Annotated[int, Meta(ge=1)] = 5
    message_encoding: MessageEncoding = "base64"

    def options(self) -> QueueOptions:
        threshold = self.new_batch_threshold
        return QueueOptions(
            batch_size=self.batch_size,
            new_batch_threshold=self.batch_size // 2 if threshold is None else threshold,
            visibility_timeout=parse_time_span(self.visibility_timeout),
            max_polling_interval=parse_time_span(self.max_polling_interval),
            max_dequeue_count=self.max_dequeue_count,
            message_encoding=self.message_encoding,
        )


class _Http(msgspec.Struct, rename="camel"):
    route_prefix: str = "api"


class _Extensions(msgspec.Struct):
    http: _Http = field(default_factory=_Http)
    queues: _Queues = field(default_factory=_Queues)


class _HostJson(msgspec.Struct, rename="camel"):
    version: Literal["2.0"]
    extensions: _Extensions = field(default_factory=_Extensions)
    function_timeout: str = _DEFAULT_FUNCTION_TIMEOUT

    def configuration(self) -> HostConfiguration:
        unlimited = self.function_timeout == _UNLIMITED
        return HostConfiguration(
            route_prefix=self.extensions.http.route_prefix,
            queues=self.extensions.queues.options(),
            function_timeout=None if unlimited else parse_time_span(self.function_timeout),
        )


def read_host_json(app: Path) -> HostConfiguration:
    """Read the file of an app's folder; raises AppConfigurationError that says what is wrong."""
    path = app / "host.json"
    if not path.is_file():
        raise AppConfigurationError(f"{app} is not a function app: it has no host.json")
    try:
        return msgspec.json.decode(read_json_text(path), type=_HostJson).configuration()
    except ValueError as error:
        raise AppConfigurationError(f"{path}: {error}") from error


def read_json_text(path: Path) -> str:
    """Return a JSON file's text without the byte order mark that some editors write."""
    return path.read_text("utf-8-sig")
