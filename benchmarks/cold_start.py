"""Cold start of each function: from a fresh process to its first durable effect."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from itertools import count
from statistics import median
from time import monotonic

from azure.core.exceptions import ResourceExistsError
from azure.data.tables import TableClient
from azure.storage.queue import QueueClient

from benchmarks import children
from benchmarks.population import accepted_row, populate, slow_offer
from benchmarks.rows import Row
from benchmarks.run import Run
from benchmarks.wire import Exchange, Wire
from devstack import webhooks
from devstack.processes import ROOT
from devstack.stack import Stack
from shared.ledger import TABLE, TableLedger
from shared.queues import PENDING_CANCELLATIONS

GROUP = "cold"
FUNCTIONS = {
    "CancelHttpTrigger": ("cold_http", "bare_row"),
    "WebhookHttpTrigger": ("cold_webhook", "bare_row"),
    "StatusHttpTrigger": ("cold_withdrawal", "bare_row"),
    "CancelQueueTrigger": ("cold_queue", "bare_row"),
    "PollTimerTrigger": ("cold_timer", "bare_message"),
}
_MOST = 1.2
_MILLISECONDS = 1000


def measure(run: Run) -> Iterator[Row]:
    """Time, modules and memory of each function's first durable effect."""
    with run.stack(with_host=False) as stack:
        start = _Starter(stack)
        for function, (program, bare) in FUNCTIONS.items():
            run.say(f"cold start of {function}")
            samples: dict[str, list[dict[str, float]]] = {program: [], bare: []}
            for name in samples:
                start(name)  # once, so that everything is compiled and read from the disk
            for _ in range(run.sizes.cold_samples):
                for name, taken in samples.items():  # in turns: both under the same load
                    taken.append(start(name))
            yield from _rows(function, samples[program], samples[bare])


class _Starter:
    """Starts a program and takes its figures when its first write is answered."""

    def __init__(self, stack: Stack) -> None:
        self._stack, self._numbers = stack, count(1)
        self._storage = stack.storage.connection_string
        with TableClient.from_connection_string(self._storage, TABLE) as table:
            _unless_there(table.create_table)
        with QueueClient.from_connection_string(self._storage, "bare") as queue:
            _unless_there(queue.create_queue)

    def __call__(self, program: str) -> dict[str, float]:
        offer = f"cold-{next(self._numbers)}"
        operation = slow_offer(self._stack.partner_center, offer, 0)
        if program == "cold_timer":
            with QueueClient.from_connection_string(self._storage, PENDING_CANCELLATIONS) as queue:
                queue.clear_messages()  # one of an earlier process would be polled, too
            populate(self._storage, {offer: operation}, 1)
        argument = self._accepted(offer) if program == "cold_withdrawal" else offer
        # A wire of its own: what an ended process had under way must not be taken for its own.
        with Wire(self._stack.storage) as wire:
            return _first_effect(program, argument, wire, self._stack.app_settings())

    def _accepted(self, offer: str) -> str:
        """A request that waits to be submitted, for one that takes it back: offer and id."""
        with TableClient.from_connection_string(self._storage, TABLE) as table:
            return f"{offer}/{TableLedger(table).insert(accepted_row(offer)).request_id}"


def _first_effect(
    program: str, argument: str, wire: Wire, settings: dict[str, str]
) -> dict[str, float]:
    effects: list[Exchange] = []
    begun = monotonic()
    with subprocess.Popen(
        children.command(program, argument),
        cwd=ROOT,
        env=children.environment(
            settings | {**webhooks.SETTINGS, "CancelStorage": wire.connection_string}
        ),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def ask_at_first_effect(exchange: Exchange) -> None:
            if exchange.is_durable and not effects:
                effects.append(exchange)
                os.kill(process.pid, signal.SIGUSR1)

        wire.on_exchange = ask_at_first_effect
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        told = children.figures(process.stdout.readline())
        process.kill()
    if not effects:
        raise children.ChildFailedError(f"{program} has written nothing")
    return told | {"time": (effects[0].ended_at - begun) * _MILLISECONDS}


def _rows(
    function: str, own: list[dict[str, float]], bare: list[dict[str, float]]
) -> Iterator[Row]:
    units = {"time": "ms", "modules": "modules", "memory": "MB"}
    for figure, unit in units.items():
        value, baseline = (median(each[figure] for each in samples) for samples in (own, bare))
        has_goal = figure == "time" and function == "CancelHttpTrigger"
        yield Row(
            group=GROUP,
            name=f"{function}: {figure} to its first durable effect",
            value=value,
            unit=unit,
            baseline="its imports and one bare write",
            baseline_value=baseline,
            goal=f"at most {_MOST} x" if has_goal else "",
            met=value <= _MOST * baseline if has_goal else None,
        )


def _unless_there(create: Callable[[], object]) -> None:
    try:
        create()
    except ResourceExistsError:
        return
