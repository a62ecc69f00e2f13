"""`python -m devstack.mailbox`: look at what arrived, or receive without the rest of the stack."""

import argparse
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from devstack.errors import PortInUseError
from devstack.mailbox.folder import MailFolder, ReceivedMail
from devstack.mailbox.server import Mailbox

_FOLDER = Path(".devstack/mail")
_HEADERS = ("Date", "From", "To", "Subject", "Message-ID", "Auto-Submitted")


def main(arguments: list[str] | None = None) -> int:
    """Does what was asked; 1 if there is no such mail or the port is taken."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    return command(options)


def _list(options: argparse.Namespace) -> int:
    mails = MailFolder(options.folder).mails()
    if not mails:
        print(f"no mail in {options.folder}")
        return 0
    rows = [("No.", "Time", "To", "Subject"), *map(_row, mails)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for number, time, to, subject in rows:
        print(f"{number:>{widths[0]}}  {time:{widths[1]}}  {to:{widths[2]}}  {subject}")
    return 0


def _row(mail: ReceivedMail) -> tuple[str, str, str, str]:
    time = mail.received_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return str(mail.number), time, _printable(", ".join(mail.recipients)), _printable(mail.subject)


def _show(options: argparse.Namespace) -> int:
    mails = MailFolder(options.folder).mails()
    mail = next((mail for mail in mails if mail.number == options.number), None)
    if mail is None:
        print(f"no mail {options.number} in {options.folder}", file=sys.stderr)
        return 1
    print(f"Delivered to: {_printable(', '.join(mail.recipients))}")
    for header in _HEADERS:
        if mail.message[header]:
            print(f"{header}: {_printable(str(mail.message[header]))}")
    print(f"File: {mail.path}\n")
    for line in mail.text.splitlines():
        print(_printable(line))
    return 0


def _serve(options: argparse.Namespace) -> int:
    try:
        mailbox = Mailbox(options.folder, options.port)
    except PortInUseError as error:
        print(error, file=sys.stderr)
        return 1
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with mailbox:
        print(f"the mailbox receives at {mailbox.url} and keeps mails in {options.folder}")
        print(f"python -m devstack.mailbox list --folder {options.folder}", flush=True)
        ended.wait()
    print("the mailbox is gone")
    return 0


def _printable(text: str) -> str:
    # A mail comes from outside: none of it may steer the terminal.
    return "".join(char if char.isprintable() else "�" for char in text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m devstack.mailbox", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, does, command in (
        ("list", "list what arrived", _list),
        ("show", "show one mail as text", _show),
        ("serve", "receive until Ctrl-C", _serve),
    ):
        sub = commands.add_parser(name, help=does, description=does)
        sub.add_argument("--folder", type=Path, default=_FOLDER, help="default: %(default)s")
        sub.set_defaults(command=command)
        if command is _show:
            sub.add_argument("number", type=int, help="the number that `list` gives")
        if command is _serve:
            sub.add_argument("--port", type=int, default=0, help="default: a free one")
    return parser


if __name__ == "__main__":
    sys.exit(main())
