"""Reads the command line, builds what the command needs, and turns failures into one line."""

import os
import sys
import time
from argparse import Namespace
from collections.abc import Sequence

from shared.errors import ConfigurationError, StorageUnavailableError
from shared.models import utc_now
from shared.operate import commands
from shared.operate.arguments import parser
from shared.operate.tools import Tools

INTERRUPTED = 130
_SIGNS_IN = "CancelStorage__credential"
NOT_THE_APP = (
    "This shell has not the settings of the app: `check --deployed` shows what the app has found.\n"
)


def main(arguments: Sequence[str] | None = None, tools: Tools | None = None) -> int:
    """Run one command; returns its exit code."""
    read = parser()
    options = read.parse_args(arguments)
    if wrong := _wrong_together(options):
        read.error(wrong)
    if options.command is commands.check and not options.deployed and _is_of_a_person():
        sys.stderr.write(NOT_THE_APP)
    try:
        return int(options.command(options, tools or _real_tools()))
    except ConfigurationError as error:
        return _failed(f"{error}\nThe settings are read from the environment.")
    except StorageUnavailableError as error:
        return _failed(f"storage cannot be used: {error}\n`check` says more.")
    except KeyboardInterrupt:
        return INTERRUPTED


def _wrong_together(options: Namespace) -> str:
    """What is wrong with arguments each of which is right; empty if nothing is."""
    is_open_ended = not getattr(options, "which", True)
    if is_open_ended and options.queue is None and options.count is None:
        return "say what to put back: numbers, request ids, --queue or --count"
    if getattr(options, "deployed", False) and any(
        (options.publisher, options.offer, options.mail_to)
    ):
        return "--deployed shows what the app has tried itself; nothing else is tried with it"
    if getattr(options, "again", False) and not options.deployed:
        return "--again goes with --deployed"
    return ""


def _is_of_a_person() -> bool:
    """Whether this is the shell of somebody who is signed in to reach a deployment's storage."""
    return os.environ.get(_SIGNS_IN) == "azurecli"


def _real_tools() -> Tools:
    from shared import parts, upkeep, wiring  # loads the storage SDK, which help needs not wait for

    return Tools(
        shelf=wiring.poison_shelf,
        redrive=wiring.redrive,
        ledger=parts.ledger,
        checks=upkeep.checks,
        check_memory=upkeep.check_memory,
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
