"""Accepting over HTTP, through the local host, against the bare Storage calls that it needs."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from time import monotonic

from benchmarks import senders
from benchmarks.figures import percentile
from benchmarks.rows import Row
from benchmarks.run import Run
from benchmarks.senders import Client
from devstack import webhooks
from devstack.stack import Stack

GROUP = "accept"
_WRITES = "the same insert and put, without host and app"
_REPETITION = "an insert refused and a read, without host and app"
_WARM_UP = 20
# Nothing but accepting is to happen while it is measured.
_ALONE = {
    f"AzureWebJobs.{function}.Disabled": "true"
    for function in ("CancelQueueTrigger", "PollTimerTrigger")
}


@dataclass(frozen=True)
class Timed:
    """Many requests by a few clients.

    Attributes:
        per_second: All of them by the time that all took.
        seconds: How long each took.
    """

    per_second: float
    seconds: list[float]


def measure(run: Run) -> Iterator[Row]:
    """Requests per second, and how long one takes, for each way to ask."""
    plain = _timed(run, "accepting over HTTP", senders.without_key)
    writes = _timed(run, "the same Storage calls alone", senders.bare_writes)
    yield from _rows(run, "HTTP", "accept", plain, (_WRITES, writes))
    for way, one, client_of in (
        ("HTTP with new keys", "accept with a new key", senders.with_new_key),
        ("webhook", "webhook", senders.by_webhook),
    ):
        own = _timed(run, f"accepting by {way}", client_of)
        yield from _rows(run, way, one, own, (_WRITES, writes))
    again = _timed(run, "accepting again with the same keys", senders.with_same_key)
    repetition = _timed(run, "its Storage calls alone", senders.bare_repetition)
    known = _REPETITION, repetition
    yield from _rows(run, "HTTP again", "accept with a key known already", again, known)


def _rows(run: Run, way: str, one: str, own: Timed, baseline: tuple[str, Timed]) -> Iterator[Row]:
    clients = f"{run.sizes.accept_clients} clients"
    name_of_baseline, bare = baseline
    yield Row(
        group=GROUP,
        name=f"accepted by {way}, {clients}",
        value=own.per_second,
        unit="per s",
        baseline=name_of_baseline,
        baseline_value=bare.per_second,
    )
    for share, name in ((0.5, "p50"), (0.99, "p99")):
        yield Row(
            group=GROUP,
            name=f"one {one}, {clients}, {name}",
            value=percentile(own.seconds, share) * 1000,
            unit="ms",
            baseline=name_of_baseline,
            baseline_value=percentile(bare.seconds, share) * 1000,
        )


def _timed(run: Run, what: str, client_of: Callable[[Stack], Client]) -> Timed:
    """Let clients send until all is sent; each has connections of its own.

    Each measurement has a stack of its own. Emptying one's queues in between would not do: each
    minute Azurite removes what deleted messages have left, and answers nobody while it does (6 s
    for 3,000 messages).
    """
    run.say(what)
    own = threading.local()

    def send(_: int) -> float:
        if not hasattr(own, "send"):
            own.send = client(clients)
        begun = monotonic()
        own.send()
        return monotonic() - begun

    with run.stack(with_host=True, **_ALONE, **webhooks.SETTINGS) as stack:
        client = client_of(stack)
        with ExitStack() as clients, ThreadPoolExecutor(run.sizes.accept_clients) as pool:
            list(pool.map(send, range(_WARM_UP)))
            begun = monotonic()
            seconds = list(pool.map(send, range(run.sizes.accept_requests)))
            taken = monotonic() - begun
    return Timed(len(seconds) / taken, seconds)
