import base64
from collections.abc import Callable

import pytest
import requests

from tests.devstack.host.jobs import Jobs
from tests.devstack.host.sample_apps import HostProcess, eventually

pytestmark = pytest.mark.integration

type StartHost = Callable[..., HostProcess]


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


def test_a_queue_function_is_fired_by_hand(jobs: Jobs, start_host: StartHost) -> None:
    host = start_host(jobs.app(), **jobs.settings)

    answer = requests.post(f"{host.url}/admin/functions/Work", json={"input": "grüezi"}, timeout=60)

    assert answer.status_code == 202
    [begun] = host.wait_for_events("begun")
    assert (begun["text"], begun["delivery"]) == ("grüezi", 1)
    assert begun["id"]
