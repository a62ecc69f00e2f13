"""Reads the command line, builds what the command needs, and turns failures into one line."""

import sys
import time
from collections.abc import Sequence

from shared.errors import ConfigurationError, StorageUnavailableError
from shared.models import utc_now
from shared.operate.arguments import parser
from shared.operate.tools import Tools

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None, tools: Tools | None = None) -> int:
    """Run one command; returns its exit code."""
    read = parser()
    options = read.parse_args(arguments)
    is_open_ended = not getattr(options, "which", True)
    if is_open_ended and options.queue is None and options.count is None:
        read.error("say what to put back: numbers, request ids, --queue or --count")
    try:
        return int(options.command(options, tools or _real_tools()))
    except ConfigurationError as error:
        return _failed(f"{error}\nThe settings are read from the environment.")
    except StorageUnavailableError as error:
        return _failed(f"storage cannot be used: {error}\n`check` says more.")
    except KeyboardInterrupt:
        return INTERRUPTED


def _real_tools() -> Tools:
    from shared import wiring  # loads the storage SDK, which help needs not wait for

    return Tools(
        shelf=wiring.poison_shelf,
        redrive=wiring.redrive,
        ledger=wiring.ledger,
        checks=wiring.checks,
        clock=utc_now,
        sleep=time.sleep,
        ask=input,
        out=sys.stdout,
    )


def _failed(what: str) -> int:
    sys.stderr.write(f"error: {what}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
