"""Which function a request's path is meant for, by the rules of the Azure Functions host.

Paths are split before they are decoded, and ``%2F`` stays as it is, so that no parameter can
hold a slash; ``.`` and ``..`` are resolved first, encoded or not. Literal segments are compared
without case. A method that a function does not list is 404, as it is in Azure, never 405.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import unquote_to_bytes

from devstack.host.errors import AppConfigurationError

_PARAMETER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_ENCODED_SLASH = re.compile(rb"%(2[fF])")


class UnreadablePathError(Exception):
    """The path holds an encoded NUL, which no server takes."""


@dataclass(frozen=True)
class RouteTemplate:
    """A route such as ``orders/{id}``, ready to be matched."""

    segments: tuple[str, ...]
    methods: frozenset[str]

    @classmethod
    def parse(cls, template: str, methods: Sequence[str]) -> Self:
        """Read a template; constraints, defaults and catch-alls are refused."""
        segments = tuple(template.strip("/").split("/")) if template.strip("/") else ()
        for segment in segments:
            if re.search("[{}]", segment) and not _PARAMETER.fullmatch(segment):
                raise AppConfigurationError(
                    f"route {template!r}: the local host knows whole segments of the form "
                    f"{{name}}, not {segment!r}"
                )
        return cls(segments, frozenset(method.upper() for method in methods))

    @property
    def specificity(self) -> tuple[bool, ...]:
        """A sort key that puts literal segments before parameters."""
        return tuple(_PARAMETER.fullmatch(segment) is not None for segment in self.segments)

    def match(self, method: str, segments: Sequence[str]) -> Mapping[str, str] | None:
        """Return the parameters' values, or None if this is another route."""
        if len(segments) != len(self.segments) or (self.methods and method not in self.methods):
            return None
        values: dict[str, str] = {}
        for expected, segment in zip(self.segments, segments, strict=True):
            if parameter := _PARAMETER.fullmatch(expected):
                values[parameter[1]] = segment
            elif expected.lower() != segment.lower():
                return None
        return values if all(values.values()) else None


class RouteTable[T]:
    """Routes and what each leads to; literal segments win over parameters."""

    def __init__(self, prefix: str) -> None:
        """Begin with no routes below the app's prefix."""
        self._prefix = tuple(segment for segment in prefix.split("/") if segment)
        self._routes: list[tuple[RouteTemplate, T]] = []

    def add(self, route: RouteTemplate, target: T) -> None:
        """Add a route."""
        whole = replace(route, segments=self._prefix + route.segments)
        self._routes.append((whole, target))
        self._routes.sort(key=lambda entry: entry[0].specificity)

    def find(self, method: str, segments: Sequence[str]) -> tuple[T, Mapping[str, str]] | None:
        """Return what the request is meant for with its parameters, or None."""
        for route, target in self._routes:
            values = route.match(method, segments)
            if values is not None:
                return target, values
        return None


def path_segments(raw_path: bytes) -> tuple[str, ...]:
    """Split and decode the path of a request; raises UnreadablePathError."""
    segments: list[str] = []
    for raw_segment in raw_path.removesuffix(b"/").split(b"/")[1:]:
        segment = _decode(raw_segment)
        if segment == "..":
            del segments[-1:]
        elif segment != ".":
            segments.append(segment)
    return tuple(segments)


def _decode(raw_segment: bytes) -> str:
    decoded = unquote_to_bytes(_ENCODED_SLASH.sub(rb"%25\1", raw_segment))
    if b"\0" in decoded:
        raise UnreadablePathError
    try:
        return decoded.decode()
    except UnicodeDecodeError:
        return raw_segment.decode("latin-1")
