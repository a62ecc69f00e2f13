"""Accepting over HTTP, through the local host, against the bare Storage calls that it needs."""

import http.client
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from azure.data.tables import TableClient
from azure.storage.queue import QueueClient

from benchmarks.figures import percentile
from benchmarks.population import EMAIL, PUBLISHER
from benchmarks.rows import Row
from benchmarks.run import Run
from devstack.stack import Stack
from shared.ledger import TABLE
from shared.queues import CANCEL_REQUESTS
from shared.storage_transport import storage_transport

GROUP = "accept"
_BASELINE = "the same insert and put, without host and app"
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
    """Requests per second, and how long one takes."""
    with run.stack(with_host=True, **_ALONE) as stack:
        run.say("accepting over HTTP")
        own = _timed(run, lambda clients: _http_client(stack, clients))
        run.say("the same Storage calls alone")
        bare = _timed(run, _bare_client(stack))
    clients = f"{run.sizes.accept_clients} clients"
    yield Row(
        group=GROUP,
        name=f"accepted by HTTP, {clients}",
        value=own.per_second,
        unit="per s",
        baseline=_BASELINE,
        baseline_value=bare.per_second,
    )
    for share, name in ((0.5, "p50"), (0.99, "p99")):
        yield Row(
            group=GROUP,
            name=f"one accept, {clients}, {name}",
            value=percentile(own.seconds, share) * 1000,
            unit="ms",
            baseline=_BASELINE,
            baseline_value=percentile(bare.seconds, share) * 1000,
        )


def _timed(run: Run, make_client: Callable[[ExitStack], Callable[[], None]]) -> Timed:
    """Let clients send until all is sent; each has connections of its own."""
    own = threading.local()

    def send(_: int) -> float:
        if not hasattr(own, "send"):
            own.send = make_client(clients)
        begun = monotonic()
        own.send()
        return monotonic() - begun

    with ExitStack() as clients, ThreadPoolExecutor(run.sizes.accept_clients) as pool:
        list(pool.map(send, range(_WARM_UP)))
        begun = monotonic()
        seconds = list(pool.map(send, range(run.sizes.accept_requests)))
    return Timed(len(seconds) / (monotonic() - begun), seconds)


def _http_client(stack: Stack, clients: ExitStack) -> Callable[[], None]:
    connection = http.client.HTTPConnection(urlsplit(stack.url).netloc, timeout=30)
    clients.callback(connection.close)
    path = f"/api/publishers/{PUBLISHER}/offers/accept/cancel?api-version=2017-10-31"
    body = json.dumps({"metadata": {"notification-emails": EMAIL}, "reason": "wrong price"})

    def send() -> None:
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != http.HTTPStatus.ACCEPTED:
            raise RuntimeError(f"an accept was answered {answer.status}: {text!r}")

    return send


def _bare_client(stack: Stack) -> Callable[[ExitStack], Callable[[], None]]:
    """A client that writes rows and messages like those that the app has just written."""
    storage = stack.storage.connection_string
    with (
        TableClient.from_connection_string(storage, TABLE) as table,
        QueueClient.from_connection_string(storage, CANCEL_REQUESTS) as queue,
    ):
        row = dict(next(iter(table.query_entities("isOpen eq true", results_per_page=1))))
        text = str(queue.peek_messages()[0].content)

    def make(clients: ExitStack) -> Callable[[], None]:
        own: dict[str, Any] = {"transport": storage_transport(), "retry_total": 0}
        table = TableClient.from_connection_string(storage, TABLE, **own)
        own = {"transport": storage_transport(), "retry_total": 0}
        queue = QueueClient.from_connection_string(storage, CANCEL_REQUESTS, **own)
        clients.enter_context(table)
        clients.enter_context(queue)

        def send() -> None:
            table.create_entity({**row, "RowKey": f"accept:{uuid.uuid4()}"})
            queue.send_message(text, time_to_live=-1)

        return send

    return make
