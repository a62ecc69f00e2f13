import base64
import json
import logging
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.models import CancelRequest, PendingCancellation, from_json, read_pending, to_json
from shared.pending_row import rebuilt
from shared.putting_back import put_back
from shared.queues import QueuedMessage
from shared.record import pending_message, request_message
from shared.telemetry import LOGGER_NAME, event
from shared.tracing import (
    client_request_id,
    current_trace_id,
    trace_id_of,
    valid_traceparent,
    working_on,
)
from tests.shared.builders import REQUEST_ID, REQUESTED, pending
from tests.shared.queue_memory import KeptTexts
from tests.shared.test_request_status import row

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"
HOSTILE: dict[str, Any] = {
    "upper case": TRACEPARENT.upper(),
    "a version to come": "01" + TRACEPARENT[2:],
    "the version that is none": "ff" + TRACEPARENT[2:],
    "no trace": f"00-{'0' * 32}-00f067aa0ba902b7-01",
    "no span": f"00-{TRACE_ID}-{'0' * 16}-01",
    "more after it": TRACEPARENT + "-00",
    "a line break": TRACEPARENT + "\n",
    "a second header": f"{TRACEPARENT}, {TRACEPARENT}",
    "a header in it": f"{TRACEPARENT}\r\nX-Evil: 1",
    "other digits": TRACEPARENT.replace("4", "\u0664"),
    "too short": TRACEPARENT[:-1],
    "blanks": f" {TRACEPARENT} ",
    "empty": "",
    "a number": 7,
    "a list": [TRACEPARENT],
    "an object": {"traceparent": TRACEPARENT},
    "null": None,
    "a book": "x" * 30_000,
}


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_anything_else_is_no_traceparent(value: Any) -> None:
    assert valid_traceparent(value) is None


@given(st.from_regex(r"\A00-[0-9a-f]{31}[1-9a-f]-[0-9a-f]{15}[1-9a-f]-[0-9a-f]{2}\Z"))
def test_a_traceparent_is_kept_as_it_is_and_has_its_trace_id(value: str) -> None:
    assert valid_traceparent(value) == value
    assert trace_id_of(value) == value.split("-")[1]


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_a_message_is_good_whatever_its_traceparent_is(value: Any) -> None:
    asked = {"publisherId": "contoso", "offerId": "contoso-vm", "traceparent": value}
    assert from_json(json.dumps(asked), CancelRequest).traceparent is None
    followed = {**json.loads(to_json(pending())), "traceparent": value}
    assert read_pending(json.dumps(followed)).traceparent is None


def test_the_trace_goes_from_message_to_message_and_into_a_row_that_was_lost() -> None:
    traced = row(traceparent=TRACEPARENT)
    request = from_json(to_json(request_message(traced)), CancelRequest)
    followed = from_json(to_json(pending_message(traced)), PendingCancellation)
    assert request.traceparent == followed.traceparent == TRACEPARENT
    assert rebuilt(followed, REQUESTED).traceparent == TRACEPARENT


def test_a_message_that_is_put_back_unread_keeps_its_trace() -> None:
    queue = KeptTexts()
    asked = {"publisherId": "contoso", "offerId": "contoso-vm", "traceparent": TRACEPARENT}
    text = base64.b64encode(json.dumps(asked).encode()).decode()
    message = QueuedMessage(
        id=REQUEST_ID, text=text, pop_receipt="", dequeue_count=1, inserted_at=REQUESTED
    )
    put_back(queue, message)
    assert json.loads(queue.texts[0])["traceparent"] == TRACEPARENT


def test_events_have_the_trace_of_what_is_worked_on(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, LOGGER_NAME)
    with working_on(REQUEST_ID, TRACEPARENT):
        event("inside", request_id=REQUEST_ID)
        with working_on(REQUEST_ID, None):
            event("another", request_id=REQUEST_ID)
    event("outside")
    lines = [json.loads(message) for message in caplog.messages]
    assert [line.get("traceId") for line in lines] == [TRACE_ID, None, None]


def test_a_trace_is_over_when_the_work_on_it_fails() -> None:
    with pytest.raises(ZeroDivisionError), working_on(REQUEST_ID, TRACEPARENT):
        raise ZeroDivisionError
    assert current_trace_id() == ""
    assert client_request_id() != REQUEST_ID


def test_each_thread_works_on_its_own() -> None:
    def seen(number: int) -> tuple[str, str]:
        with working_on(str(uuid.UUID(int=number)), None):
            return client_request_id(), current_trace_id()

    with working_on(REQUEST_ID, TRACEPARENT), ThreadPoolExecutor(4) as threads:
        found = list(threads.map(seen, range(1, 40)))
    assert found == [(str(uuid.UUID(int=number)), "") for number in range(1, 40)]


def test_calls_to_partner_center_are_found_by_the_trace_else_by_the_request() -> None:
    with working_on(REQUEST_ID.upper(), TRACEPARENT):
        assert client_request_id() == str(uuid.UUID(TRACE_ID))
    with working_on(REQUEST_ID.upper(), None):
        assert client_request_id() == REQUEST_ID
    for nameless in ("", "not-a-guid"):
        with working_on(nameless, None):
            assert uuid.UUID(client_request_id()).version == 4
            assert client_request_id() != client_request_id()
