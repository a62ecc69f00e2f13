"""``make soak``: the stack under load while its parts break, for as long as asked."""

import argparse
import random
from datetime import UTC, datetime
from os import getpid
from pathlib import Path

from devstack import terminal
from devstack.soak.pace import AS_IN_AZURE, HURRIED
from devstack.soak.report import is_passed, report
from devstack.soak.soak import Soak, Wishes

RUNS = Path(".devstack/soaks")
_MAX_SEED = 10**6


def main(arguments: list[str] | None = None) -> int:
    """Run it; 0 only if nothing was lost, false, or mailed twice without a reason."""
    options = _parser().parse_args(arguments)
    return terminal.run(lambda: run(options))


def run(options: argparse.Namespace) -> int:
    """Start the stack, break it, and tell what became of the requests."""
    wishes = Wishes(
        seconds=options.minutes * 60,
        seed=options.seed,
        askers=options.askers,
        pause=options.askers / options.rate,
        pace=AS_IN_AZURE if options.real_times else HURRIED,
    )
    folder: Path = options.folder or _new_folder()
    print(f"A soak of {options.minutes:g} minutes with seed {wishes.seed}, in {folder}", flush=True)
    soak = Soak(folder, wishes, lambda line: print(line, flush=True))
    verdict = soak.run()
    print(report(soak, verdict, wishes.seed))
    return 0 if is_passed(verdict) else 1


def _new_folder() -> Path:
    # Runs at the same time keep apart.
    return RUNS / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{getpid()}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m devstack.soak", description=__doc__)
    parser.add_argument(
        "--minutes", type=float, default=5.0, metavar="M", help="break things so long (%(default)g)"
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=random.randrange(_MAX_SEED),  # noqa: S311 - guards nothing
        metavar="N",
        help="repeat the plan of an earlier soak (default: a new one)",
    )
    parser.add_argument(
        "--rate", type=float, default=26.0, metavar="R", help="things done a second (%(default)g)"
    )
    parser.add_argument(
        "--askers", type=int, default=8, metavar="N", help="who do them, at once (%(default)s)"
    )
    parser.add_argument(
        "--real-times",
        action="store_true",
        help="leases, claims and retries as in Azure: for 15 minutes or more; rest takes an hour",
    )
    parser.add_argument(
        "--folder", type=Path, help=f"where its state goes (default: new in {RUNS})"
    )
    return parser
