"""The command line, with help for everything."""

import argparse
import re
from collections.abc import Callable

from shared.addresses import is_valid
from shared.ids import GUID_PATTERN, OFFER_ID_PATTERN, PUBLISHER_ID_PATTERN
from shared.operate import commands
from shared.queues import CANCEL_REQUESTS, PENDING_CANCELLATIONS

QUEUES = (CANCEL_REQUESTS, PENDING_CANCELLATIONS)

_ABOUT = """\
For the person on duty: looks at messages that nobody could process, and puts them back.
Settings are read from the environment, as the function app has them."""

_EXIT = "exit codes: 0 done, 1 something failed or was refused, 2 wrong arguments"


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="python -m shared.operate",
        description=_ABOUT,
        epilog=_EXIT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    found = top.add_subparsers(required=True, metavar="COMMAND")
    _add_list(found)
    _add_show(found)
    _add_redrive(found)
    _add_drop(found)
    _add_check(found)
    return top


type Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def _add_list(found: Commands) -> None:
    each = found.add_parser(
        "list",
        help="what is on the poison queues",
        description="Shows every record on both poison queues, the newest last. The number of a "
        "record stays the same as long as the ones above it are there.",
    )
    _add_queue(each, "only what was on this queue")
    _add_json(each)
    each.set_defaults(command=commands.list_records)


def _add_show(found: Commands) -> None:
    each = found.add_parser(
        "show",
        help="one record in full",
        description="Shows a record, its message, and its request's row with the whole history.",
    )
    each.add_argument("which", metavar="N|REQUEST-ID", help="as `list` shows it")
    each.add_argument(
        "--addresses", action="store_true", help="show e-mail addresses, which are masked otherwise"
    )
    _add_json(each)
    each.set_defaults(command=commands.show_record)


def _add_redrive(found: Commands) -> None:
    each = found.add_parser(
        "redrive",
        help="put messages back on their queue",
        description="Puts messages back on their queue, the oldest first, then takes their records "
        "away. A request keeps its id and its age: one past CANCEL_REQUEST_TTL_HOURS is only put "
        "back with --operation-id, to cancel that operation and no other. Who was mailed that the "
        "end is not known gets another mail, which says that it replaces that one.",
    )
    each.add_argument(
        "which", metavar="N|REQUEST-ID", nargs="*", help="these; otherwise --queue or --count says"
    )
    _add_queue(each, "only what was on this queue")
    each.add_argument("--count", type=_at_least_one, metavar="N", help="at most so many")
    each.add_argument(
        "--rate",
        type=_at_least_one,
        metavar="N",
        default=60,
        help="at most so many a minute (default: %(default)s)",
    )
    each.add_argument(
        "--operation-id",
        type=_guid,
        metavar="GUID",
        help="the operation to cancel, for one request that is past its time to live",
    )
    each.set_defaults(command=commands.redrive)


def _add_drop(found: Commands) -> None:
    each = found.add_parser(
        "drop",
        help="remove records for good",
        description="Removes records for good; asks first. Their requests' rows stay.",
    )
    each.add_argument("which", metavar="N|REQUEST-ID", nargs="+", help="as `list` shows them")
    each.add_argument("--yes", action="store_true", help="do not ask")
    each.set_defaults(command=commands.drop)


def _add_check(found: Commands) -> None:
    each = found.add_parser(
        "check",
        help="whether everything that the app needs can be had",
        description="Gets a token for Partner Center, reads one offer, reads and writes queues and "
        "table without leaving anything, and logs in to the mail server. Nobody is mailed but who "
        "is named by --mail-to. The poller does the same every hour, without a mail.",
    )
    each.add_argument(
        "--publisher",
        type=_matching(PUBLISHER_ID_PATTERN),
        metavar="ID",
        help="whose offer to read (default: the first of ALLOWED_PUBLISHERS)",
    )
    each.add_argument(
        "--offer",
        type=_matching(OFFER_ID_PATTERN),
        metavar="ID",
        help="which offer to read; that there is none proves access, too",
    )
    each.add_argument(
        "--mail-to", type=_address, metavar="ADDRESS", help="send this address a test mail"
    )
    each.add_argument(
        "--deployed",
        action="store_true",
        help="show what the deployed app found when it last checked: whoever is not the app cannot "
        "try its identity",
    )
    each.add_argument(
        "--again", action="store_true", help="with --deployed: have it check within ten minutes"
    )
    _add_json(each)
    each.set_defaults(command=commands.check)


def _add_queue(each: argparse.ArgumentParser, what: str) -> None:
    each.add_argument("--queue", choices=QUEUES, help=what)


def _add_json(each: argparse.ArgumentParser) -> None:
    each.add_argument("--json", action="store_true", help="for a program")


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _guid(text: str) -> str:
    return _matching(GUID_PATTERN)(text).lower()


def _address(text: str) -> str:
    if not is_valid(text):
        # Standard error may end up in a log, and an address is personal data.
        raise argparse.ArgumentTypeError("must be one bare e-mail address")
    return text


def _matching(pattern: str) -> Callable[[str], str]:
    def checked(text: str) -> str:
        if not re.search(pattern, text):
            raise argparse.ArgumentTypeError(f"{text!r} is not one")
        return text

    return checked
