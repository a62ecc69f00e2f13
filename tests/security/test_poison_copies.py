"""What the host leaves on a poison queue is anybody's text: nothing that reads it breaks of it."""

import json
import time
from typing import Any

import pytest
from hypothesis import example, given, settings

from shared.operate.showing import message_text
from shared.poison import PoisonRecord, read_poison
from shared.telemetry import masked
from tests.security.hostile import NO_TIME, PENDING_TEXTS, RECORD_TEXTS, REQUEST_TEXTS, SUBJECT
from tests.security.memory_app import MemoryApp
from tests.security.test_queue_messages import as_message, fits
from tests.shared.builders import REQUEST_ID
from tests.shared.queue_memory import message

RECORD_START: dict[str, Any] = {
    "version": 1,
    "reason": "none",
    "dequeueCount": 1,
    "insertedAt": "2026-03-04T05:06:07Z",
    "message": json.dumps(SUBJECT),
}
STEERING = {chr(code) for code in (*range(10), *range(11, 32), 127, *range(128, 160))}


def record_text(**members: Any) -> str:
    return json.dumps({**RECORD_START, **members})


def read_by_everybody(app: MemoryApp) -> str:
    """Whatever looks at poison looks at it, twice; what the person on duty sees."""
    shown = []
    for _ in range(2):
        app.look_after_poison()
        app.poll()
        shown += [app.operate("list"), app.operate("list", "--json")]
        shown += [app.operate("show", "1"), app.operate("show", "1", "--json")]
        app.clock.advance(minutes=1)
    json.loads(shown[1])
    return "".join(shown)


@settings(max_examples=120)
@example(record_text(insertedAt=NO_TIME))
@example(record_text(requestedAt=NO_TIME))
@example(record_text(noticedAt=NO_TIME))
@example(record_text(insertedAt="2026-03-04T05:06:07"))
@example(record_text(requestId="a/b?c#d\x01"))
@example(record_text(requestId="x" * 2000))
@example(record_text(message=json.dumps({**SUBJECT, "requestedAt": NO_TIME})))
@given((RECORD_TEXTS | REQUEST_TEXTS).filter(fits))
def test_any_copy_of_a_request_is_noticed_told_of_and_shown(text: str) -> None:
    app = MemoryApp()
    app.requests_poison.put(as_message(text))
    shown = read_by_everybody(app)
    assert len(app.requests_poison.stored) == 1
    assert read_poison(app.requests_poison.receive(1, 1)[0]).noticed_at is not None
    assert not STEERING & set(shown)
    assert app.all_have_ended


@settings(max_examples=120)
@given((RECORD_TEXTS | PENDING_TEXTS).filter(fits))
def test_any_copy_of_a_pending_cancellation_is_noticed_told_of_and_shown(text: str) -> None:
    app = MemoryApp()
    app.pending_poison.put(as_message(text))
    shown = read_by_everybody(app)
    assert len(app.pending_poison.stored) == 1
    assert read_poison(app.pending_poison.receive(1, 1)[0]).noticed_at is not None
    assert not STEERING & set(shown)
    assert app.all_have_ended


@settings(max_examples=100)
@given(RECORD_TEXTS.filter(fits))
def test_a_bad_copy_keeps_no_other_from_being_noticed(text: str) -> None:
    app = MemoryApp()
    good = json.dumps({**SUBJECT, "requestId": REQUEST_ID})
    for each in (as_message(text), good, as_message(text)):
        app.requests_poison.put(each)
    app.look_after_poison()
    assert any(row.request_id == REQUEST_ID and row.outcome for row in app.rows)
    told = " ".join(str(mail) for mail, _ in app.sent.mails)
    assert REQUEST_ID in told or "request" in told


@pytest.mark.parametrize(
    "members",
    [
        {"insertedAt": NO_TIME},
        {"insertedAt": "2026-03-04T05:06:07"},
        {"noticedAt": "9999-12-31T23:59:59-23:59"},
        {"requestId": "a/b"},
    ],
    ids=str,
)
def test_what_no_record_of_ours_can_be_is_the_hosts_copy_of_a_message(
    members: dict[str, str],
) -> None:
    text = record_text(**members)
    found = read_poison(message(text))
    assert isinstance(found, PoisonRecord)
    assert (found.message, found.noticed_at) == (text, None)


LONG = {
    "letters": "a" * 60_000,
    "quotes": '"' * 60_000,
    "starts of tokens": "eyJ-" * 15_000,
    "ats": "a@" * 30_000,
    "bearers": "bearer" + " " * 60_000,
    "blanks": " " * 60_000 + "!",
    "percents": "%40" * 20_000,
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_masking_takes_no_longer_than_the_text_is_long(text: str) -> None:
    """Against a tenth of it: the square would be a hundred times as long, the line ten times."""

    def seconds(shown: str) -> float:
        return min(_timed(shown) for _ in range(3))

    def _timed(shown: str) -> float:
        started = time.process_time()
        masked(shown)
        message_text(shown, addresses=False)
        return time.process_time() - started

    assert seconds(text) < 40 * max(seconds(text[: len(text) // 10]), 0.0005)
