"""``make serve``: keeps the whole stack up, to be tried by hand and worked against."""

import argparse
import contextlib
import json
import time
from dataclasses import fields, replace
from pathlib import Path

from devstack import terminal
from devstack.errors import PartFailedError
from devstack.fates import PUBLISHER
from devstack.stack import DEFAULT_RECIPIENT, Ports, Stack

FOLDER = Path(".devstack/serve")
# Those of Azure Functions Core Tools and Azurite, and what local.settings.example.json has.
PORTS = Ports(http=7071, partner_center=7080, smtp=7025, blob=10000, queue=10001, table=10002)
SETTINGS = {"RETRY_FIRST_SECONDS": "5", "SECOND_LOOK_SECONDS": "5"}
OFFER = "contoso-vm"
_LOOK_SECONDS = 1.0
_FUNCTION_TIMED_OUT = 3


def main(arguments: list[str] | None = None) -> int:
    """Serve until Ctrl-C; 1 if a part did not start, or ended by itself."""
    options = _parser().parse_args(arguments)
    return terminal.run(lambda: serve(options))


def serve(options: argparse.Namespace) -> int:
    """Start the stack, say where it is, and wait."""
    stack = Stack(
        options.folder,
        ports=_chosen_ports(options),
        settings=SETTINGS,
        on_event=terminal.show,
        keeps_storage=True,
    )
    try:
        stack.start(with_host=not options.without_host)
        stack.partner_center.create_offer(PUBLISHER, OFFER, "cancels-after-202")
        _write_settings(stack)
        print(_where_it_is(stack, with_host=not options.without_host), flush=True)
        _keep_up_until_interrupted(stack)
    finally:
        stack.stop()
    print("\nStopped.")
    return 0


def _keep_up_until_interrupted(stack: Stack) -> None:
    # An interrupt is how this is meant to end, so it is no failure.
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            _keep_up(stack)
            time.sleep(_LOOK_SECONDS)


def _keep_up(stack: Stack) -> None:
    try:
        stack.host.check()
    except PartFailedError as error:
        # A function that runs too long ends the worker process in Azure too, which starts a new
        # one; anything else is for a person to see.
        if stack.host.exit_code != _FUNCTION_TIMED_OUT:
            raise
        print(f"{error}\nStarting it again.", flush=True)
        stack.host.restart()


def _write_settings(stack: Stack) -> None:
    path = stack.folder / "settings.json"
    path.write_text(json.dumps(stack.app_settings(), indent=2) + "\n", encoding="utf-8")


def _where_it_is(stack: Stack, *, with_host: bool) -> str:
    center, mails = stack.partner_center, stack.folder / "mail"
    offer = f"publishers/{PUBLISHER}/offers/{OFFER}"
    app = stack.url if with_host else f"http://127.0.0.1:{PORTS.http}"
    settings = stack.folder / "settings.json"
    storage = ", ".join(f"{name} {port}" for name, port in stack.storage.ports.items())
    return f"""
For people       {app}/api/cancellations  (open it in a browser)
HTTP API         {app}/api{"" if with_host else "  (once you have started a functions host)"}
Partner Center   {center.url}  (simulated)
Mail             {stack.mailbox.url}  (kept in {mails})
Storage          {storage}  (Azurite; kept in {stack.folder / "storage"})
App settings     {settings}  (CancelStorage: the storage's connection string)
Log              {stack.host.log}

Ask to cancel the publish that runs on {PUBLISHER}/{OFFER}:
  curl -i '{app}/api/{offer}/cancel?api-version=2017-10-31' \\
       -H 'Content-Type: application/json' \\
       -d '{{"metadata": {{"notification-emails": "{DEFAULT_RECIPIENT}"}}}}'
Look at the mail that follows:
  .venv/bin/python -m devstack.mailbox list --folder {mails}
Start another publish, in another scenario; see all scenarios; see what is true:
  curl -X PUT {center.url}/admin/{offer} \\
       -d '{{"scenario": "completes-first"}}'
  curl {center.url}/admin/scenarios
  curl {center.url}/admin/{offer}

Ctrl-C stops everything. What the app does follows:
"""


def _chosen_ports(options: argparse.Namespace) -> Ports:
    usual = Ports() if options.free_ports else PORTS
    chosen = {port.name: getattr(options, f"{port.name}_port") for port in fields(Ports)}
    return replace(usual, **{name: port for name, port in chosen.items() if port is not None})


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{port} is not within 0 to 65535")
    return port


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m devstack.serve",
        description="Keeps storage, Partner Center, mail and the functions host up until Ctrl-C. "
        "With make: make serve ARGS='--http-port 8080'.",
    )
    for port in fields(Ports):
        name = port.name.replace("_", "-")
        parser.add_argument(
            f"--{name}-port",
            type=_port,
            metavar="N",
            help=f"0 for a free one (default: {getattr(PORTS, port.name)})",
        )
    parser.add_argument("--free-ports", action="store_true", help="free ones where none is given")
    parser.add_argument(
        "--without-host",
        action="store_true",
        help="leave the functions host out, to run the app by `func start` instead",
    )
    parser.add_argument(
        "--folder", type=Path, default=FOLDER, help="where the state goes (default: %(default)s)"
    )
    return parser
