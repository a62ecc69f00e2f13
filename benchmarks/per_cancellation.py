"""Calls to Partner Center and transactions of Storage that one cancellation takes."""

from collections.abc import Iterator

from benchmarks.rows import Row
from benchmarks.run import Run
from benchmarks.scenarios import Counted

GROUP = "calls"
_GOAL_TRANSACTIONS = 14
_PER_UNFINISHED_POLL = 2
# Put, receive and delete on each of two queues, for an app that keeps no row.
_BARE_TRANSACTIONS = 6


def measure(run: Run) -> Iterator[Row]:
    """Both, by scenario; receives that bring nothing are left out."""
    for counted in run.counted:
        yield _calls(counted)
        yield _transactions(counted)


def _calls(counted: Counted) -> Row:
    polls = counted.unfinished_polls + 1
    return Row(
        group=GROUP,
        name=f"{counted.played.what}: Partner Center calls",
        value=counted.partner_center_calls,
        unit="calls",
        baseline=f"believing the 202, {polls} poll{'s' if polls > 1 else ''}",
        baseline_value=1 + polls,
    )


def _transactions(counted: Counted) -> Row:
    polling = _PER_UNFINISHED_POLL * counted.unfinished_polls
    goal = _GOAL_TRANSACTIONS + polling
    is_plain = counted.played.is_plain
    return Row(
        group=GROUP,
        name=f"{counted.played.what}: Storage transactions",
        value=counted.transactions,
        unit="requests",
        baseline="two queues without a row",
        baseline_value=_BARE_TRANSACTIONS + polling,
        goal=f"at most 14 + 2 x {counted.unfinished_polls}" if is_plain else "",
        met=counted.transactions <= goal if is_plain else None,
    )
