import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from azure.core.exceptions import ResourceExistsError
from azure.storage.queue import QueueClient

from devstack.azurite import Azurite
from tests.devstack.host.jobs import Jobs
from tests.devstack.host.sample_apps import HostProcess, eventually

pytestmark = pytest.mark.integration

type StartHost = Callable[..., HostProcess]


def test_a_lease_is_renewed_as_long_as_the_function_runs(jobs: Jobs, start_host: StartHost) -> None:
    jobs.queue.send_message("hold")
    host = start_host(jobs.app(), options=("--lease-seconds", "4"), **jobs.settings)
    host.wait_for_events("begun")

    beyond_a_single_renewal = time.monotonic() + 7
    while time.monotonic() < beyond_a_single_renewal:
        assert list(jobs.queue.peek_messages()) == []
    jobs.let_go("hold")

    eventually(jobs.is_empty)
    assert len(host.events("begun")) == 1
    assert host.events("ended")


def test_a_message_comes_again_when_its_host_was_killed(jobs: Jobs, start_host: StartHost) -> None:
    jobs.queue.send_message("hold")
    app = jobs.app()
    lease = ("--lease-seconds", "2")
    first = start_host(app, options=lease, **jobs.settings)
    first.wait_for_events("begun")
    first.kill()

    second = start_host(app, options=lease, **jobs.settings)

    [begun] = second.wait_for_events("begun")
    assert begun["delivery"] == 2
    jobs.let_go("hold")
    eventually(jobs.is_empty)


def test_a_message_that_outlived_its_last_host_is_poisoned_without_a_run(
    jobs: Jobs, start_host: StartHost
) -> None:
    jobs.queue.send_message("hold")
    app = jobs.app(maxDequeueCount=1)
    lease = ("--lease-seconds", "1")
    first = start_host(app, options=lease, **jobs.settings)
    first.wait_for_events("begun")
    first.kill()

    second = start_host(app, options=lease, **jobs.settings)

    assert [message.content for message in eventually(jobs.poisoned)] == ["hold"]
    eventually(jobs.is_empty)
    assert second.events("begun") == []


def test_a_missing_queue_is_waited_for_with_one_warning(
    azurite: Azurite, tmp_path: Path, start_host: StartHost
) -> None:
    jobs = Jobs(azurite, tmp_path)
    with jobs.queue:
        host = start_host(jobs.app(), **jobs.settings)
        host.wait_for_text(f"WARNING .*: waiting for queue {jobs.name}: it does not exist yet")

        jobs.queue.create_queue()
        jobs.queue.send_message("hello")

        host.wait_for_events("ended")
    assert host.output.count("waiting for queue") == 1


def test_storage_that_is_down_is_waited_for_with_one_warning(
    tmp_path: Path, start_host: StartHost
) -> None:
    with Azurite() as azurite:
        jobs = Jobs(azurite, tmp_path)
        with jobs.queue:
            jobs.queue.create_queue()
            host = start_host(jobs.app(), **jobs.settings)
            azurite.stop()
            # While it stops it may refuse one connection and still answer the next.
            while_it_stopped = host.output
            host.wait_for_text("WARNING .*: waiting for queue.*refused")

            azurite.start()
            create_if_missing(jobs.queue)
            jobs.queue.send_message("hello")

            host.wait_for_events("ended")
            # Before storage is stopped once more, of which the host may tell as well.
            down = host.output.removeprefix(while_it_stopped).splitlines()
    waits = [line for line in down if f"queue {jobs.name}: " in line]
    assert len([line for line in waits if "refused" in line]) <= 1
    assert "Traceback" not in host.output + host.errors


def test_a_stopping_host_finishes_its_messages_and_receives_no_more(
    jobs: Jobs, start_host: StartHost
) -> None:
    jobs.queue.send_message("hold")
    host = start_host(jobs.app(batchSize=1), **jobs.settings)
    host.wait_for_events("begun")
    host.interrupt()
    eventually(lambda: not is_answering(host))
    jobs.queue.send_message("later")

    jobs.let_go("hold")

    assert host.wait_for_end() == 0
    assert host.events("ended")
    assert [message.content for message in jobs.queue.peek_messages(32)] == ["later"]


def create_if_missing(queue: QueueClient) -> None:
    try:
        queue.create_queue()
    except ResourceExistsError:
        return


def is_answering(host: HostProcess) -> bool:
    try:
        requests.get(host.url, timeout=60)
    except requests.ConnectionError:
        return False
    return True
