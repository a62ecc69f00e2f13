"""How the stack's commands talk to the terminal: width, color, events, and ending."""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from devstack.errors import StackError
from devstack.events import Event, render_event

_WIDEST = 100
_INTERRUPTED = 130


def width() -> int:
    """How many columns to use: the terminal's, but no more than is good to read."""
    return min(shutil.get_terminal_size((_WIDEST, 24)).columns, _WIDEST)


def shows_color() -> bool:
    """Whether standard output is a terminal whose user has not asked for no color."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def show(event: Event) -> None:
    """Print what the app did; what the host says of itself has no time and is for programs."""
    if event.time:
        print(render_event(event, width=width(), in_color=shows_color()), flush=True)


def run(command: Callable[[], int]) -> int:
    """Carry out a command that Ctrl-C or SIGTERM may end; returns the exit code."""
    # A terminal that cannot show a character shows a question mark.
    for stream in (sys.stdout, sys.stderr):
        if callable(reconfigure := getattr(stream, "reconfigure", None)):
            reconfigure(errors="replace")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _end)
    try:
        return command()
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.")
        return _INTERRUPTED


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)
