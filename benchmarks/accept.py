"""Accepting over HTTP, through the local host, against the bare Storage calls that it needs."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from time import monotonic

from azure.storage.queue import QueueClient

from benchmarks import senders
from benchmarks.figures import percentile
from benchmarks.rows import Row
from benchmarks.run import Run
from benchmarks.senders import Client
from devstack import webhooks
from devstack.stack import Stack
from shared.queues import CANCEL_REQUESTS

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
    with run.stack(with_host=True, **_ALONE, **webhooks.SETTINGS) as stack:
        run.say("accepting over HTTP")
        plain = _timed(run, stack, senders.without_key(stack))
        run.say("the same Storage calls alone")
        writes = _timed(run, stack, senders.bare_writes(stack))
        repetition = _timed(run, stack, senders.bare_repetition(stack))
        yield from _rows(run, "HTTP", "accept", plain, (_WRITES, writes))
        for way, one, client in (
            ("HTTP with new keys", "accept with a new key", senders.with_new_key(stack)),
            ("webhook", "webhook", senders.by_webhook(stack)),
        ):
            run.say(f"accepting by {way}")
            yield from _rows(run, way, one, _timed(run, stack, client), (_WRITES, writes))
        run.say("accepting again with the same keys")
        again = _timed(run, stack, senders.with_same_key(stack))
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


def _timed(run: Run, stack: Stack, client: Client) -> Timed:
    """Let clients send until all is sent; each has connections of its own."""
    _empty_queue(stack)  # what waits there would make each put slower than those before it
    own = threading.local()

    def send(_: int) -> float:
        if not hasattr(own, "send"):
            own.send = client(clients)
        begun = monotonic()
        own.send()
        return monotonic() - begun

    with ExitStack() as clients, ThreadPoolExecutor(run.sizes.accept_clients) as pool:
        list(pool.map(send, range(_WARM_UP)))
        begun = monotonic()
        seconds = list(pool.map(send, range(run.sizes.accept_requests)))
        taken = monotonic() - begun
    return Timed(len(seconds) / taken, seconds)


def _empty_queue(stack: Stack) -> None:
    storage = stack.storage.connection_string
    with QueueClient.from_connection_string(storage, CANCEL_REQUESTS) as queue:
        queue.clear_messages()
