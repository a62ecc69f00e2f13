"""The memory of the poller, by how many cancellations are pending."""

from collections.abc import Iterator

from benchmarks import children
from benchmarks.population import populate, slow_offer
from benchmarks.rows import Row
from benchmarks.run import Run

GROUP = "memory"
# The same work with few and with many pending. Few at once, since Azurite goes through all messages
# of a queue at each call: with 10,000 of them, calls side by side outlast the app's timeouts.
_DUE = 10
_WORKERS = "2"
_MOST = 1.1


def measure(run: Run) -> Iterator[Row]:
    """The peak of a process that polls what is due and then looks over all open rows."""
    few, many = run.sizes.few_pending, run.sizes.many_pending
    baseline, value = _peak(run, few), _peak(run, many)
    yield Row(
        group=GROUP,
        name=f"peak memory of PollTimerTrigger, {many} pending",
        value=value,
        unit="MB",
        baseline=f"{few} pending",
        baseline_value=baseline,
        goal=f"at most {_MOST} x",
        met=value <= _MOST * baseline,
    )


def _peak(run: Run, pending: int) -> float:
    run.say(f"memory with {pending} pending")
    with run.stack(with_host=False) as stack:
        offers = {"running": slow_offer(stack.partner_center, "running", 0)}
        populate(stack.storage.connection_string, offers, pending, due=_DUE)
        settings = stack.app_settings() | {"POLL_CONCURRENCY": _WORKERS}
        [told] = children.run("run_timer", "0", settings)
    return told["memory"]
