"""`python -m devstack.communication`: the simulated service on its own, until Ctrl-C."""

import argparse
import signal
import sys
import threading
from pathlib import Path

from devstack.communication.service import OWN_DOMAIN_LIMITS, CommunicationService
from devstack.errors import PortInUseError
from devstack.mailbox.folder import MailFolder

_FOLDER = Path(".devstack/acs-mail")
_DOMAIN = "example.com"


def main(arguments: list[str] | None = None) -> int:
    """Runs it until it is told to end; 1 if the port is taken."""
    options = _parser().parse_args(arguments)
    try:
        service = CommunicationService(
            MailFolder(options.folder),
            options.port,
            domains=(options.domain,),
            limits=tuple(options.limits),
        )
    except PortInUseError as error:
        print(error, file=sys.stderr)
        return 1
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with service:
        print(f"Communication Services mails from {options.domain}. For the app:")
        settings = {
            "NOTIFICATION_ACS_ENDPOINT": service.endpoint,
            "NOTIFICATION_SMTP_URL": "",
            **service.identity(),
        }
        for name, value in settings.items():
            print(f"{name}={value}")
        print(f"python -m devstack.mailbox list --folder {options.folder}", flush=True)
        ended.wait()
    print("Communication Services are gone")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m devstack.communication",
        description="Simulated Azure Communication Services Email on 127.0.0.1.",
    )
    add = parser.add_argument
    add("--port", type=int, default=0, help="the port (default: a free one)")
    add("--folder", type=Path, default=_FOLDER, help="where mails go (default: %(default)s)")
    add("--domain", default=_DOMAIN, help="the domain it mails from (default: %(default)s)")
    add(
        "--limits",
        type=int,
        nargs=2,
        default=list(OWN_DOMAIN_LIMITS),
        metavar=("MINUTE", "HOUR"),
        help="mails that it takes in any minute and hour (default: 30 100)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
