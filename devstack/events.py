"""Reads the events that the app writes, one JSON object a line, and shows them to people.

Nothing here knows the name of an event or of a detail, so that new ones need no change.
"""

import json
import re
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_OWN_MEMBERS = ("event", "time", "requestId", "level")
_SHOWN_ID_CHARACTERS = 8
_NAME_WIDTH = 20
_GUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
_STYLES = {"warning": "33", "error": "31"}


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    Attributes:
        name: What, in kebab-case.
        time: When, as written (RFC 3339).
        request_id: The request it belongs to, or empty.
        level: ``info``, ``warning`` or ``error``.
        details: Everything else.
    """

    name: str
    time: str = ""
    request_id: str = ""
    level: str = "info"
    details: Mapping[str, Any] = field(default_factory=dict)


def parse_event(line: str) -> Event | None:
    """The event on a line of output; None where it holds none."""
    if not line.startswith("{"):
        return None
    try:
        members = json.loads(line)
    except ValueError:
        return None
    if not isinstance(members.get("event"), str):
        return None
    return Event(
        name=members["event"],
        time=str(members.get("time", "")),
        request_id=str(members.get("requestId", "")),
        level=str(members.get("level", "info")),
        details={name: value for name, value in members.items() if name not in _OWN_MEMBERS},
    )


def render_event(event: Event, *, width: int, in_color: bool = False) -> str:
    """The event in as many lines as it takes: time, request, what happened, the details."""
    clock = event.time.partition("T")[2][:10] or "-"
    request = event.request_id[:_SHOWN_ID_CHARACTERS]
    start = f"{clock:<10}  {request:<{_SHOWN_ID_CHARACTERS}}  "
    words = f"{event.name.replace('-', ' '):<{_NAME_WIDTH}}"
    details = [f"{name}={_shown(value)}" for name, value in event.details.items()]
    text = "\n".join(_lines(start, [words, *details], width))
    style = _STYLES.get(event.level)
    return f"\033[{style}m{text}\033[0m" if in_color and style else text


def _lines(start: str, parts: list[str], width: int) -> Iterator[str]:
    """The parts one after the other; one that no longer fits begins a line, and is wrapped."""
    line = start
    for part in parts:
        addition = part if line == start else f"  {part}"
        if len(line) + len(addition) <= width:
            line += addition
            continue
        yield line.rstrip()
        indent = " " * (len(start) + 2)
        *whole, line = textwrap.wrap(
            part, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
        )
        yield from whole
    yield line.rstrip()


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    # What comes from outside must not steer the terminal.
    printable = "".join(char if char.isprintable() else "?" for char in text)
    return _GUID.sub(lambda guid: f"{guid[0][:_SHOWN_ID_CHARACTERS]}...", printable)


class EventLog:
    """Every event so far, to be waited for; safe for threads."""

    def __init__(self) -> None:
        """Start empty."""
        self._events: list[Event] = []
        self._news = threading.Condition()

    def add(self, event: Event) -> None:
        """Keep an event and wake who waits."""
        with self._news:
            self._events.append(event)
            self._news.notify_all()

    def all(self, name: str = "", request_id: str = "") -> list[Event]:
        """The events so far, oldest first: of a name, of a request, or all."""
        with self._news:
            return [
                event
                for event in self._events
                if name in ("", event.name) and request_id in ("", event.request_id)
            ]

    def wait_for(
        self, predicate: Callable[[Event], bool], timeout: float = 60.0, *, after: int = 0
    ) -> Event:
        """The first event that fits, be it past or still to come; ``after`` skips so many.

        Raises:
            TimeoutError: None came in time.
        """
        deadline = time.monotonic() + timeout
        with self._news:
            while True:
                found = next((each for each in self._events[after:] if predicate(each)), None)
                if found:
                    return found
                if not self._news.wait(deadline - time.monotonic()):
                    names = [event.name for event in self._events[after:]]
                    raise TimeoutError(f"no such event in {timeout:g} s; there are: {names}")
