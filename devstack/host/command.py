"""The command line of the local host, and the order in which it starts."""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

from devstack.host.errors import HostStartError
from devstack.host.function_json import read_functions
from devstack.host.host import Host
from devstack.host.host_json import read_host_json
from devstack.host.http_server import listen
from devstack.host.logs import log_to_stdout
from devstack.host.runtime import FunctionRuntime
from devstack.host.stopping import EXIT_ERROR, leave

_AZURE_LEASE_SECONDS = 600
_MAX_LEASE_SECONDS = 7 * 24 * 60 * 60


def run(arguments: Sequence[str]) -> NoReturn:
    """Run the host until it is stopped; it ends the process itself."""
    options = _parse(arguments)
    log_to_stdout()
    try:
        _start(options.app.resolve(), options.port, timedelta(seconds=options.lease_seconds))
    except HostStartError as error:
        print(f"error: {error}", file=sys.stderr)
        leave(EXIT_ERROR)


def _start(app: Path, port: int, lease: timedelta) -> NoReturn:
    configuration = read_host_json(app)
    functions = read_functions(app, os.environ)
    listening = listen(port)
    # Where the app is in Azure: its own folder is the current one, and is imported from.
    os.chdir(app)
    sys.path.insert(0, str(app))
    runtime = FunctionRuntime(app, configuration.function_timeout)
    runtime.start()
    for function in functions:
        runtime.load(function)
    asyncio.run(Host(functions, configuration, runtime, lease).run(listening))


def _number_in(lowest: int, highest: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text)
        if not lowest <= value <= highest:
            raise argparse.ArgumentTypeError(f"{value} is not within {lowest} to {highest}")
        return value

    return number


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m devstack.host",
        description="Run a function app on this machine, inside Microsoft's own Python runtime. "
        "Settings come from the environment; Ctrl-C stops it.",
    )
    parser.add_argument(
        "--app",
        type=Path,
        required=True,
        metavar="DIR",
        help="the app's folder: the one with host.json",
    )
    parser.add_argument(
        "--port",
        type=_number_in(0, 65535),
        required=True,
        metavar="N",
        help="the port to serve HTTP on at 127.0.0.1; 0 takes any free one",
    )
    parser.add_argument(
        "--lease-seconds",
        type=_number_in(1, _MAX_LEASE_SECONDS),
        default=_AZURE_LEASE_SECONDS,
        metavar="S",
        help="how long a queue message is leased while its function runs, renewed at half-time "
        "(%(default)s, as in Azure); shorter, and a message comes back sooner after a crash",
    )
    return parser.parse_args(arguments)
