"""Submitting, through the local host: how many requests a second, against one at a time."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from azure.storage.queue import QueueClient

from benchmarks.population import EMAIL, PUBLISHER, populate, slow_offer
from benchmarks.rows import Row
from benchmarks.run import Run
from devstack.functions_host import FunctionsHost
from devstack.partner_center import Simulator
from devstack.processes import ROOT
from devstack.stack import Stack
from shared.models import to_json
from shared.queues import CANCEL_REQUESTS

GROUP = "submit"
_WARM_UP = 4
_SECONDS = 240.0
_LOOK_SECONDS = 0.1


def measure(run: Run) -> Iterator[Row]:
    """By how many are pending and how slow the answers are."""
    for pending in run.sizes.populations:
        for delay in run.sizes.answer_seconds:
            what = f"submissions, answers in {delay * 1000:g} ms, {pending} pending"
            run.say(what)
            yield Row(
                group=GROUP,
                name=f"{what}, host.json's concurrency",
                value=_rate(run, pending, delay, run.sizes.submit_requests, one_by_one=False),
                unit="per s",
                baseline="one at a time",
                baseline_value=_rate(
                    run, pending, delay, run.sizes.submit_one_by_one, one_by_one=True
                ),
            )


def _rate(run: Run, pending: int, delay: float, count: int, *, one_by_one: bool) -> float:
    with run.stack(with_host=False) as stack:
        running = {"running": slow_offer(stack.partner_center, "running", delay)}
        populate(stack.storage.connection_string, running, pending)
        offers = [f"submitted-{number}" for number in range(count + _WARM_UP)]
        for offer in offers:
            slow_offer(stack.partner_center, offer, delay)
        _ask(stack.storage.connection_string, offers)
        app = _one_by_one(stack.folder / "app") if one_by_one else ROOT
        host = _host(stack, app)
        host.start()
        try:
            return _posts_per_second(host, stack.partner_center, len(offers))
        finally:
            host.stop()


def _ask(connection_string: str, offers: list[str]) -> None:
    with QueueClient.from_connection_string(connection_string, CANCEL_REQUESTS) as queue:
        for offer in offers:
            metadata = {"notification-emails": EMAIL}
            members = {"publisherId": PUBLISHER, "offerId": offer, "metadata": metadata}
            queue.send_message(to_json(members), time_to_live=-1)


def _host(stack: Stack, app: Path) -> FunctionsHost:
    alone = {"AzureWebJobs.PollTimerTrigger.Disabled": "true"}
    return FunctionsHost(app, stack.app_settings() | alone, log=stack.folder / "submit.log")


def _posts_per_second(host: FunctionsHost, center: Simulator, expected: int) -> float:
    """The cancel calls by the time between them, as Partner Center saw them."""
    deadline = time.monotonic() + _SECONDS
    while True:
        posts = [call.time for call in center.calls() if call.method == "POST"]
        if len(posts) >= expected:
            counted = posts[_WARM_UP:]
            return (len(counted) - 1) / (counted[-1] - counted[0]).total_seconds()
        host.check()
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(posts)} of {expected} requests in {_SECONDS:g} s")
        time.sleep(_LOOK_SECONDS)


def _one_by_one(folder: Path) -> Path:
    """A copy of the app whose host takes one message at a time."""
    for part in ("CancelHttpTrigger", "CancelQueueTrigger", "PollTimerTrigger", "shared"):
        shutil.copytree(ROOT / part, folder / part)
    configuration = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
    configuration["extensions"]["queues"] |= {"batchSize": 1, "newBatchThreshold": 0}
    (folder / "host.json").write_text(json.dumps(configuration), encoding="utf-8")
    return folder
