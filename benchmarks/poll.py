"""Polling: how many a second, by how many are pending and how slow the answers are."""

from collections.abc import Iterator

from benchmarks import children
from benchmarks.population import populate, slow_offer
from benchmarks.rows import Row
from benchmarks.run import Run
from shared.settings import PolicySettings

GROUP = "poll"
_OFFERS = 20
_SHARE = 0.7


def measure(run: Run) -> Iterator[Row]:
    """With the default concurrency, against one at a time and against the bare Storage calls."""
    workers = PolicySettings().poll_concurrency
    for pending in run.sizes.populations:
        for delay in run.sizes.answer_seconds:
            what = f"polls, answers in {delay * 1000:g} ms, {pending} pending"
            run.say(what)
            together = _rate(run, "poll", pending, delay, workers)
            alone = _rate(run, "poll", pending, delay, 1)
            yield Row(
                group=GROUP,
                name=f"{what}, {workers} at once",
                value=together,
                unit="per s",
                baseline="one at a time",
                baseline_value=alone,
            )
            bare = _rate(run, "take_and_put_back", pending, delay, workers)
            yield _against_storage(what, together, bare, workers, delay)


def _against_storage(what: str, rate: float, bare: float, workers: int, delay: float) -> Row:
    """The goal is a share of what the workers could do, up to what Storage allows."""
    most = min(workers / delay, bare) if delay else bare
    return Row(
        group=GROUP,
        name=f"{what}, {workers} at once",
        value=rate,
        unit="per s",
        baseline="a receive and an update each, bare",
        baseline_value=bare,
        goal=f"at least {_SHARE} x {most:.0f}" if delay else "",
        met=rate >= _SHARE * most if delay else None,
    )


def _rate(run: Run, program: str, pending: int, delay: float, workers: int) -> float:
    with run.stack(with_host=False) as stack:
        center = stack.partner_center
        names = [f"polled-{number}" for number in range(_OFFERS)]
        offers = {name: slow_offer(center, name, delay) for name in names}
        populate(stack.storage.connection_string, offers, pending)
        settings = stack.app_settings() | {"POLL_CONCURRENCY": str(workers)}
        [told] = children.run(program, str(run.sizes.poll_seconds), settings)
    return told["polls"] / told["seconds"]
