"""``make run``: the whole stack, nine requests of different fate, and every outcome checked."""

import argparse
import textwrap
import time
from datetime import UTC, datetime
from os import getpid
from pathlib import Path

from devstack import terminal, webhooks
from devstack.fates import FATES, PUBLISHER, Submitted, submit
from devstack.results import Result, read_results, render_results
from devstack.stack import Stack

RUNS = Path(".devstack/runs")
# Impatient, so that a run takes a minute; everything else is as in Azure.
SETTINGS = {
    "POLL_SCHEDULE": "*/2 * * * * *",
    "RETRY_FIRST_SECONDS": "1",
    "SECOND_LOOK_SECONDS": "2",
    "POLL_RUN_SECONDS": "20",
}
_LOOK_SECONDS = 0.25


def main(arguments: list[str] | None = None) -> int:
    """Run it; 0 only if every outcome is the true one."""
    options = _parser().parse_args(arguments)
    return terminal.run(lambda: run(options.folder or _new_folder(), options.timeout))


def run(folder: Path, timeout: float) -> int:
    """Start the stack, submit every request, wait for their ends, tell how they ended."""
    print("Starting storage, Partner Center, mail and the functions host ...", flush=True)
    with Stack(folder, settings={**SETTINGS, **webhooks.SETTINGS}, on_event=terminal.show) as stack:
        print(f"The app answers at {stack.url}, Partner Center at {stack.partner_center.url}.\n")
        submitted = [_submit(stack, number) for number in range(len(FATES))]
        results = _wait_for_ends(stack, submitted, timeout)
    return _report(results, folder, timeout)


def _submit(stack: Stack, number: int) -> Submitted:
    submitted = submit(stack, FATES[number])
    fate = submitted.fate
    text = f"{number + 1}. {submitted.request_id[:8]}  {PUBLISHER}/{fate.offer}: {fate.story}"
    print(textwrap.fill(text, terminal.width(), subsequent_indent=" " * 13), flush=True)
    return submitted


def _wait_for_ends(stack: Stack, submitted: list[Submitted], timeout: float) -> list[Result]:
    deadline = time.monotonic() + timeout
    while True:
        results = read_results(stack, submitted)
        if all(result.has_ended for result in results) or time.monotonic() > deadline:
            return results
        stack.host.check()
        time.sleep(_LOOK_SECONDS)


def _report(results: list[Result], folder: Path, timeout: float) -> int:
    print(f"\n{render_results(results, width=terminal.width())}\n")
    print(f"Mails: {folder / 'mail'} (the log: {folder / 'host.log'})")
    for command in ("list", "show 1"):
        print(f"  .venv/bin/python -m devstack.mailbox {command} --folder {folder / 'mail'}")
    waiting = sum(not result.has_ended for result in results)
    wrong = sum(bool(result.problems) for result in results)
    if waiting:
        print(f"\nFAILED: {waiting} of {len(results)} requests did not end in {timeout:g} s.")
    elif wrong:
        print(f"\nFAILED: {wrong} of {len(results)} outcomes are not what is true.")
    else:
        print(f"\nAll {len(results)} outcomes, recorded and mailed, are what is true.")
    return 1 if waiting or wrong else 0


def _new_folder() -> Path:
    # Runs at the same time keep apart.
    return RUNS / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{getpid()}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m devstack.run", description=__doc__)
    parser.add_argument("--folder", type=Path, help=f"state and mails (default: new in {RUNS})")
    parser.add_argument(
        "--timeout", type=float, default=180.0, metavar="S", help="wait so long (%(default)g)"
    )
    return parser
