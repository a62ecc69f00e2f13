"""What every queue has to do; each kind of queue comes in by the fixture ``queue``."""

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
import requests
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.queue import QueueClient

from devstack.azurite import Azurite
from shared.errors import QueueLeaseLostError, StorageUnavailableError
from shared.models import utc_now
from shared.queues import MAX_MESSAGE_BYTES, Queue, QueuedMessage, StorageQueue
from tests.integration.parts import fresh_name
from tests.integration.raw_server import RawServer
from tests.simulation.storage import SimulatedQueue

pytestmark = pytest.mark.integration

_PATIENCE_SECONDS = 30
_ALMOST_A_SECOND = 0.98  # clocks are read in milliseconds, and not all at once


@pytest.fixture
def client(azurite: Azurite) -> Iterator[QueueClient]:
    with QueueClient.from_connection_string(
        azurite.connection_string, fresh_name(), retry_total=0
    ) as client:
        yield client


@pytest.fixture(params=["storage", "simulated"])
def queue(request: pytest.FixtureRequest) -> Queue:
    if request.param == "simulated":
        return SimulatedQueue(fresh_name(), utc_now)
    return StorageQueue(request.getfixturevalue("client"))


def only(messages: list[QueuedMessage]) -> QueuedMessage:
    [message] = messages
    return message


def when_visible(queue: Queue) -> QueuedMessage:
    """Receive again and again until a message is there."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if messages := queue.receive(1, 60):
            return messages[0]
    raise AssertionError("no message became visible")


def test_a_message_is_received_as_it_was_put(queue: Queue) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)
    queue.put('{"offerId":"a-b"}')
    message = only(queue.receive(1, 60))
    assert message.text == '{"offerId":"a-b"}'
    assert message.dequeue_count == 1
    assert message.id
    assert message.pop_receipt
    assert before <= message.inserted_at <= datetime.now(UTC) + timedelta(seconds=2)


@pytest.mark.parametrize(
    "text",
    [
        "\u00fcn\u00efc\u00f6de \u539f\u56e0 \U0001f600",
        "<a>&amp;\"'</a>]]>",
        '{"a": "b\\n"}',
        "e30=",
    ],
)
def test_no_character_that_xml_can_carry_is_changed(queue: Queue, text: str) -> None:
    queue.put(text)
    message = only(queue.receive(1, 60))
    assert message.text == text
    queue.update(message, text + text, 0)
    assert only(queue.receive(1, 60)).text == text + text


def test_a_queue_that_is_missing_is_made_by_whatever_call_misses_it(queue: Queue) -> None:
    assert queue.receive(32, 60) == []
    queue.put("a")
    assert only(queue.receive(32, 60)).text == "a"


def test_a_queue_that_vanished_is_made_again(client: QueueClient) -> None:
    queue = StorageQueue(client)
    queue.put("a")
    message = only(queue.receive(1, 60))
    client.delete_queue()
    with pytest.raises(QueueLeaseLostError):
        queue.delete(message)
    client.delete_queue()
    with pytest.raises(QueueLeaseLostError):
        queue.update(message, "b", 0)
    client.delete_queue()
    assert queue.peek(1) == []


def test_many_who_miss_a_queue_at_once_all_get_their_message_in(queue: Queue) -> None:
    with ThreadPoolExecutor(8) as workers:
        list(workers.map(queue.put, "abcdefgh"))
    assert sorted(message.text for message in queue.receive(32, 60)) == sorted("abcdefgh")


def test_a_received_message_is_hidden_from_others(queue: Queue) -> None:
    queue.put("a")
    assert only(queue.receive(1, 60)).text == "a"
    assert queue.receive(32, 60) == []
    assert queue.peek(32) == []


def test_no_more_is_received_than_was_asked_for(queue: Queue) -> None:
    for text in "abcde":
        queue.put(text)
    first = queue.receive(3, 60)
    assert len(first) == 3
    assert len(queue.receive(32, 60)) == 2


def test_a_lease_that_ended_gives_the_message_to_the_next_and_counts(queue: Queue) -> None:
    queue.put("a")
    first = only(queue.receive(1, 1))
    second = when_visible(queue)
    assert second.id == first.id
    assert second.dequeue_count == 2
    assert second.inserted_at == first.inserted_at
    with pytest.raises(QueueLeaseLostError):
        queue.update(first, "late", 0)
    with pytest.raises(QueueLeaseLostError):
        queue.delete(first)
    queue.update(second, "b", 0)
    assert only(queue.receive(1, 60)).text == "b"


def test_a_lease_below_a_second_lasts_a_second(queue: Queue) -> None:
    queue.put("a")
    before = time.monotonic()
    assert only(queue.receive(1, 0.2)).text == "a"
    assert when_visible(queue).text == "a"
    assert time.monotonic() - before > _ALMOST_A_SECOND


def test_a_delayed_message_is_not_there_before_its_time(queue: Queue) -> None:
    before = time.monotonic()
    queue.put("later", 1)
    assert when_visible(queue).text == "later"
    assert time.monotonic() - before > _ALMOST_A_SECOND


def test_an_update_changes_text_and_receipt_and_hides_until_the_delay_is_over(
    queue: Queue,
) -> None:
    queue.put("a")
    first = only(queue.receive(1, 60))
    updated = queue.update(first, "b", 1)
    assert (updated.text, updated.id) == ("b", first.id)
    assert updated.pop_receipt != first.pop_receipt
    assert (updated.dequeue_count, updated.inserted_at) == (1, first.inserted_at)
    with pytest.raises(QueueLeaseLostError):
        queue.update(first, "c", 0)
    again = when_visible(queue)
    assert (again.text, again.dequeue_count) == ("b", 2)


def test_an_updated_message_can_be_updated_again_and_deleted(queue: Queue) -> None:
    queue.put("a")
    message = queue.update(only(queue.receive(1, 60)), "b", 60)
    message = queue.update(message, "c", 60)
    queue.delete(message)
    with pytest.raises(QueueLeaseLostError):
        queue.delete(message)
    with pytest.raises(QueueLeaseLostError):
        queue.update(message, "d", 0)


def test_peeking_leases_nothing(queue: Queue) -> None:
    queue.put("a")
    assert queue.peek(32) == ["a"]
    assert queue.peek(32) == ["a"]
    assert only(queue.receive(1, 60)).dequeue_count == 1


def test_a_message_of_64_kib_fits_and_a_larger_one_is_refused(queue: Queue) -> None:
    queue.put("x" * MAX_MESSAGE_BYTES)
    message = only(queue.receive(1, 60))
    assert len(message.text) == MAX_MESSAGE_BYTES
    with pytest.raises(StorageUnavailableError):
        queue.put("x" * (MAX_MESSAGE_BYTES + 1))
    with pytest.raises(StorageUnavailableError):
        queue.update(message, "x" * (MAX_MESSAGE_BYTES + 1), 0)


def test_a_delay_beyond_what_the_service_allows_is_cut(queue: Queue) -> None:
    queue.put("far", 30 * 24 * 3600)
    queue.put("past", -5)
    message = only(queue.receive(32, 60))
    assert message.text == "past"
    queue.update(message, "far too", 30 * 24 * 3600)
    assert queue.receive(32, 60) == []


def test_messages_never_expire(client: QueueClient) -> None:
    queue = StorageQueue(client)
    queue.put("a")
    [peeked] = client.peek_messages()
    assert peeked.expires_on is not None
    assert peeked.expires_on.year == 9999
    message = only(queue.receive(1, 60))
    queue.update(message, "b", 0)
    [peeked] = client.peek_messages()
    assert peeked.expires_on is not None
    assert peeked.expires_on.year == 9999


def test_a_receive_is_one_request_however_many_it_may_take(azurite: Azurite) -> None:
    seen: list[str] = []
    session = requests.Session()
    session.hooks["response"].append(lambda answer, **_: seen.append(answer.request.method))
    with QueueClient.from_connection_string(
        azurite.connection_string,
        fresh_name(),
        retry_total=0,
        transport=RequestsTransport(session=session),
    ) as client:
        queue = StorageQueue(client)
        for text in "abc":
            queue.put(text)
        seen.clear()
        assert len(queue.receive(32, 60)) == 3
        assert seen == ["GET"]


CALLS: dict[str, Callable[[Queue], object]] = {
    "put": lambda queue: queue.put("a"),
    "receive": lambda queue: queue.receive(1, 60),
    "peek": lambda queue: queue.peek(1),
    "update": lambda queue: queue.update(a_message(), "b", 0),
    "delete": lambda queue: queue.delete(a_message()),
}


def a_message() -> QueuedMessage:
    return QueuedMessage(
        id="3f23f602-d88d-4289-acb7-c00a81453179",
        text="a",
        pop_receipt="receipt",
        dequeue_count=1,
        inserted_at=datetime.now(UTC),
    )


@pytest.mark.parametrize("call", CALLS)
def test_storage_that_nobody_answers_for_is_unavailable(azurite: Azurite, call: str) -> None:
    with closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))
        queue = queue_at(azurite, bound.getsockname()[1])
        with pytest.raises(StorageUnavailableError):
            CALLS[call](queue)


@pytest.mark.parametrize("call", CALLS)
def test_storage_that_hangs_up_is_unavailable_and_not_asked_again(
    azurite: Azurite, call: str
) -> None:
    with RawServer(lambda connection: connection.close()) as server:
        with pytest.raises(StorageUnavailableError):
            CALLS[call](queue_at(azurite, server.port))
        assert server.connections == 1


def queue_at(azurite: Azurite, port: int) -> Queue:
    elsewhere = azurite.connection_string.replace(f":{azurite.ports['Queue']}/", f":{port}/")
    return StorageQueue(QueueClient.from_connection_string(elsewhere, "a-queue", retry_total=0))
