import base64
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueClient

from devstack.azurite import Azurite
from tests.devstack.host.sample_apps import (
    STORAGE_SETTING,
    HostProcess,
    eventually,
    queue_trigger,
    write_app,
    write_function,
)

pytestmark = pytest.mark.integration

type StartHost = Callable[..., HostProcess]

QUICK = {"messageEncoding": "none", "maxPollingInterval": "00:00:00.2"}

# Says what it was given, fails for "fail…", and waits for the test's leave for "hold…".
WORK = """
def main(msg: func.QueueMessage) -> None:
    text = msg.get_body().decode()
    event(
        event="begun", text=text, id=msg.id, delivery=msg.dequeue_count, at=time.monotonic(),
        inserted=str(msg.insertion_time), expires=str(msg.expiration_time),
        next=str(msg.time_next_visible), receipt=msg.pop_receipt,
    )
    if text.startswith("fail"):
        raise ValueError("as asked")
    if text.startswith("hold"):
        wait_for(pathlib.Path(__file__).parent / text)
    event(event="ended", text=text)
"""


class Jobs:
    """A queue with its poison queue, and an app that works on it."""

    def __init__(self, azurite: Azurite, folder: Path) -> None:
        self.name = f"jobs-{uuid4()}"
        self.settings = {STORAGE_SETTING: azurite.connection_string}
        self.queue = QueueClient.from_connection_string(azurite.connection_string, self.name)
        self.poison = QueueClient.from_connection_string(
            azurite.connection_string, f"{self.name}-poison"
        )
        self._folder = folder

    def app(self, *, queue_name: str | None = None, **queues: object) -> Path:
        app = write_app(self._folder / "app", queues={**QUICK, **queues})
        write_function(app, "Work", queue_trigger(queue_name or self.name), code=WORK)
        return app

    def let_go(self, text: str) -> None:
        (self._folder / "app/Work" / text).touch()

    def is_empty(self) -> bool:
        return self.queue.get_queue_properties().approximate_message_count == 0

    def poisoned(self) -> list[Any]:
        try:
            return list(self.poison.peek_messages(32))
        except ResourceNotFoundError:
            return []


@pytest.fixture
def jobs(azurite: Azurite, tmp_path: Path) -> Iterator[Jobs]:
    jobs = Jobs(azurite, tmp_path)
    jobs.queue.create_queue()
    with jobs.queue, jobs.poison:
        yield jobs


def test_a_message_runs_the_function_and_is_deleted(jobs: Jobs, start_host: StartHost) -> None:
    sent = jobs.queue.send_message("hello")
    host = start_host(jobs.app(), **jobs.settings)

    [begun] = host.wait_for_events("begun")

    eventually(jobs.is_empty)
    assert (begun["text"], begun["id"], begun["delivery"]) == ("hello", sent.id, 1)
    assert begun["inserted"] == str(sent.inserted_on)
    assert begun["expires"] == str(sent.expires_on)
    assert begun["next"] > begun["inserted"]
    assert begun["receipt"]
    assert jobs.poisoned() == []


def test_a_text_without_encoding_reaches_the_function_as_it_is(
    jobs: Jobs, start_host: StartHost
) -> None:
    texts = ["grüezi <&> \u2028 ]]>", ' {"a": 1}\n ', "aGVsbG8=", "x" * 60_000]
    for text in texts:
        jobs.queue.send_message(text)
    host = start_host(jobs.app(), **jobs.settings)

    events = host.wait_for_events("begun", len(texts))

    assert {event["text"] for event in events} == set(texts)


def test_base64_is_decoded_where_it_is_declared(jobs: Jobs, start_host: StartHost) -> None:
    texts = ["grüezi", ""]
    for text in texts:
        jobs.queue.send_message(base64.b64encode(text.encode()).decode())
    host = start_host(jobs.app(messageEncoding="base64"), **jobs.settings)

    events = host.wait_for_events("ended", len(texts))

    assert {event["text"] for event in events} == set(texts)
    eventually(jobs.is_empty)


def test_text_that_is_not_base64_is_poisoned_as_it_came_without_a_run(
    jobs: Jobs, start_host: StartHost
) -> None:
    jobs.queue.send_message('{"plain": "text"}')
    host = start_host(jobs.app(messageEncoding="base64", maxDequeueCount=2), **jobs.settings)

    [poisoned] = eventually(jobs.poisoned)

    assert poisoned.content == '{"plain": "text"}'
    eventually(jobs.is_empty)
    assert host.events("begun") == []
    assert "the message is not Base64" in host.output


def test_a_message_that_keeps_failing_is_poisoned_after_the_last_try(
    jobs: Jobs, start_host: StartHost
) -> None:
    jobs.queue.send_message("fail", time_to_live=-1)
    host = start_host(jobs.app(maxDequeueCount=3), **jobs.settings)

    [poisoned] = eventually(jobs.poisoned)

    eventually(jobs.is_empty)
    assert [event["delivery"] for event in host.events("begun")] == [1, 2, 3]
    assert poisoned.content == "fail"
    assert (poisoned.expires_on - poisoned.inserted_on).days == 7
    assert "ValueError: as asked" in host.output


def test_a_failed_message_waits_for_the_visibility_timeout(
    jobs: Jobs, start_host: StartHost
) -> None:
    jobs.queue.send_message("fail")
    host = start_host(jobs.app(visibilityTimeout="00:00:02"), **jobs.settings)

    first, second = host.wait_for_events("begun", 2)[:2]

    # The service counts in whole seconds.
    assert second["at"] - first["at"] > 1


def test_a_poison_queue_that_is_there_already_is_used(jobs: Jobs, start_host: StartHost) -> None:
    jobs.poison.create_queue()
    jobs.queue.send_message("fail")
    start_host(jobs.app(maxDequeueCount=1), **jobs.settings)

    assert [message.content for message in eventually(jobs.poisoned)] == ["fail"]


def test_what_fails_on_a_poison_queue_stays_there(jobs: Jobs, start_host: StartHost) -> None:
    jobs.poison.create_queue()
    jobs.poison.send_message("fail")
    app = jobs.app(queue_name=jobs.poison.queue_name, maxDequeueCount=1)

    deliveries = start_host(app, **jobs.settings).wait_for_events("begun", 3)

    assert [event["delivery"] for event in deliveries[:3]] == [1, 2, 3]


def test_a_lease_is_renewed_as_long_as_the_function_runs(jobs: Jobs, start_host: StartHost) -> None:
    jobs.queue.send_message("hold")
    host = start_host(jobs.app(), options=("--lease-seconds", "1"), **jobs.settings)
    host.wait_for_events("begun")

    three_leases_later = time.monotonic() + 3
    while time.monotonic() < three_leases_later:
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


def test_a_batch_is_fetched_when_the_work_is_down_to_the_threshold(
    jobs: Jobs, start_host: StartHost
) -> None:
    texts = [f"hold{number}" for number in range(5)]
    for text in texts:
        jobs.queue.send_message(text)
    app = jobs.app(batchSize=2, newBatchThreshold=1)
    host = start_host(app, PYTHON_THREADPOOL_THREAD_COUNT="5", **jobs.settings)

    begun = {event["text"] for event in host.wait_for_events("begun", 2)}
    assert len(begun) == 2
    assert len(list(jobs.queue.peek_messages(32))) == 3

    jobs.let_go(min(begun))
    host.wait_for_events("begun", 4)
    assert len(list(jobs.queue.peek_messages(32))) == 1
    for text in texts:
        jobs.let_go(text)
    eventually(jobs.is_empty)


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
            host.wait_for_text("WARNING .*: waiting for queue")

            azurite.start()
            create_if_missing(jobs.queue)
            jobs.queue.send_message("hello")

            host.wait_for_events("ended")
    assert host.output.count(f"waiting for queue {jobs.name}: ") == 1
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


def test_a_queue_function_is_fired_by_hand(jobs: Jobs, start_host: StartHost) -> None:
    host = start_host(jobs.app(), **jobs.settings)

    answer = requests.post(f"{host.url}/admin/functions/Work", json={"input": "grüezi"}, timeout=60)

    assert answer.status_code == 202
    [begun] = host.wait_for_events("begun")
    assert (begun["text"], begun["delivery"]) == ("grüezi", 1)
    assert begun["id"]


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
