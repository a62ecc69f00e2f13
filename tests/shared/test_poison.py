import base64
import hashlib
import json
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.poison import poison_text, put_poison, read_poison
from shared.queues import MAX_MESSAGE_BYTES
from shared.telemetry import LOGGER_NAME
from tests.shared.builders import REQUEST_ID, REQUESTED
from tests.shared.queue_memory import KeptTexts, message

FULL = MAX_MESSAGE_BYTES


def poisoned(text: str, reason: str = "no JSON") -> dict[str, Any]:
    queue = KeptTexts()
    put_poison(queue, message(text), reason)
    assert len(queue.texts[0]) <= MAX_MESSAGE_BYTES
    assert queue.texts[0].isascii()
    record = json.loads(queue.texts[0])
    assert isinstance(record, dict)
    return record


def test_a_record_holds_the_message_as_received_and_why_it_is_there() -> None:
    queue = KeptTexts()
    put_poison(
        queue,
        message("hello\n\u00e9", dequeue_count=3),
        "no JSON",
        request_id=REQUEST_ID,
        requested_at=REQUESTED,
    )
    assert [json.loads(text) for text in queue.texts] == [
        {
            "version": 1,
            "reason": "no JSON",
            "requestId": REQUEST_ID,
            "requestedAt": "2026-03-04T05:06:07Z",
            "insertedAt": "2026-03-04T05:06:07Z",
            "dequeueCount": 3,
            "message": "hello\n\u00e9",
        }
    ]


def test_what_is_not_known_of_a_request_is_left_out() -> None:
    assert poisoned("x").keys() == {"version", "reason", "insertedAt", "dequeueCount", "message"}


LONG = {
    "letters": "a" * FULL,
    "quotes": '"' * FULL,
    "control characters": "\x01" * FULL,
    "three-byte characters": "\uffff" * (FULL // 3),
    "surrogate pairs": "\U0001f600" * (FULL // 4),
    "control characters, then letters": "\x01" * (FULL // 2) + "a" * (FULL // 2),
    "letters, then control characters": "a" * (FULL // 2) + "\x01" * (FULL // 2),
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_a_message_of_64_kib_is_cut_to_what_fits_and_proven_by_its_hash(text: str) -> None:
    record = poisoned(text)
    assert text.startswith(record["message"])
    assert len(record["message"]) >= 4_500
    assert record["truncated"] is True
    assert record["sha256"] == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("size", [0, 1, 50_000])
def test_a_message_that_fits_is_kept_whole(size: int) -> None:
    record = poisoned("a" * size)
    assert record["message"] == "a" * size
    assert "truncated" not in record
    assert "sha256" not in record


@pytest.mark.parametrize("text", ["hello", "\x01" * FULL], ids=["short", "long"])
def test_a_reason_that_repeats_the_message_is_cut_too(text: str) -> None:
    record = poisoned(text, "Invalid enum value '" + "x" * FULL)
    assert record["reason"].startswith("Invalid enum value 'xx")
    assert text.startswith(record["message"])


def test_a_record_that_is_written_again_keeps_the_hash_of_the_whole_message() -> None:
    text = "a" * FULL
    queue = KeptTexts()
    put_poison(queue, message(text), "no JSON")
    found = read_poison(message(queue.texts[0]))
    assert poison_text(found) == queue.texts[0]
    noted = replace(found, noticed_at=REQUESTED, request_id="r" * 500)
    assert len(poison_text(noted)) <= MAX_MESSAGE_BYTES
    again = json.loads(poison_text(noted))
    assert again["sha256"] == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("text", ["{}", "hello", "", '{"version":1}'], ids=repr)
def test_what_the_host_left_becomes_a_record(text: str) -> None:
    found = read_poison(message(text, dequeue_count=5))
    assert (found.message, found.dequeue_count, found.inserted_at) == (text, 5, REQUESTED)
    assert "Functions host" in found.reason


@given(st.text(max_size=2000), st.sampled_from([1, 40]))
def test_any_text_fits(text: str, times: int) -> None:
    record = poisoned(text * times)
    assert (text * times).startswith(record["message"])


@pytest.mark.parametrize("encode", [str.encode, lambda text: base64.b64encode(text.encode())])
def test_what_the_host_left_is_known_by_the_id_and_the_time_of_its_request(
    encode: Callable[[str], bytes],
) -> None:
    at = (REQUESTED - timedelta(hours=1)).isoformat()
    text = json.dumps({"requestId": REQUEST_ID.upper(), "requestedAt": at, "publisherId": 1})
    found = read_poison(message(encode(text).decode()))
    assert found.request_id == REQUEST_ID.lower()
    assert found.requested_at == REQUESTED - timedelta(hours=1)


def test_a_record_is_an_error_event_without_the_message(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, LOGGER_NAME)
    put_poison(KeptTexts(), message("secret text"), "no JSON", request_id=REQUEST_ID)
    assert caplog.records[-1].levelno == logging.ERROR
    line = json.loads(caplog.messages[-1])
    assert (line["event"], line["requestId"], line["reason"]) == (
        "message-poisoned",
        REQUEST_ID,
        "no JSON",
    )
    assert "secret text" not in caplog.messages[-1]


def test_nothing_is_said_to_be_poisoned_before_it_is(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOGGER_NAME)
    with pytest.raises(ConnectionError):
        put_poison(KeptTexts(ConnectionError()), message("x"), "no JSON")
    assert not caplog.messages
