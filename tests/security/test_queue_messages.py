"""Whatever is put on a queue: no step fails, and the request is somewhere to be found."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings

from shared.models import from_json
from shared.pending_step import NEWER_VERSION_SECONDS
from shared.queues import MAX_MESSAGE_BYTES, plain_text
from tests.security.hostile import (
    ALLOWED,
    NO_TIME,
    OFFER,
    PENDING_TEXTS,
    PUBLISHER,
    REQUEST_TEXTS,
    SUBJECT,
)
from tests.security.memory_app import MemoryApp
from tests.shared.builders import REQUEST_ID

PENDING_START = {**SUBJECT, "requestId": REQUEST_ID, "requestedAt": "2026-03-04T05:06:07Z"}


def fits(text: str) -> bool:
    """Whether the service takes it as a message: half a surrogate pair is no UTF-8."""
    return len(text.encode("utf-8", "surrogatepass")) <= MAX_MESSAGE_BYTES


def as_message(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def pending_text(**members: Any) -> str:
    return json.dumps({**PENDING_START, **members}, ensure_ascii=False)


def play(app: MemoryApp, minutes: int = 60) -> None:
    """Let time pass until nothing is left to do."""
    for _ in range(minutes):
        app.submit()
        app.poll()
        if not app.requests.stored and not app.pending.stored:
            return
        app.clock.advance(minutes=1)


def assert_nobody_else_is_mailed(app: MemoryApp) -> None:
    for mail, recipients in app.sent.mails:
        assert {address.rpartition("@")[2] for address in recipients} <= {"contoso.com"}
        assert len(recipients) <= 50
        assert "Bcc" not in mail


@settings(max_examples=300)
@example(json.dumps({**SUBJECT, "requestedAt": NO_TIME}))
@example(json.dumps({**SUBJECT, "requestedAt": NO_TIME, "reason": 5}))
@example(json.dumps({**SUBJECT, "attempt": 10**30}))
@given(REQUEST_TEXTS.filter(fits))
def test_any_request_ends_in_an_outcome_or_in_a_poison_record(text: str) -> None:
    app = MemoryApp()
    app.requests.put(as_message(text))
    play(app)
    assert not app.requests.stored
    assert not app.pending.stored
    assert bool(app.rows) != bool(app.poisoned)
    assert app.all_have_ended
    assert_nobody_else_is_mailed(app)
    app.look_after_poison()


@settings(max_examples=300)
@example(pending_text(droppedEmails=2**40))
@example(pending_text(polls=2**31, redrives=-1))
@example(pending_text(readableSeconds=1e308))
@example(pending_text(outcome={"name": "canceled", "at": NO_TIME}))
@example(pending_text(notificationEmails=[f"a{n}@contoso.com" for n in range(900)]))
@example(pending_text(notificationEmails=["é" * 100] * 300))
@example(pending_text(reason="x" * 40_000))
@example(pending_text(alsoCanceled=[REQUEST_ID] * 1000))
@given(PENDING_TEXTS.filter(fits))
def test_any_pending_cancellation_ends_or_waits_for_a_newer_app(text: str) -> None:
    app = MemoryApp()
    app.pending.put(as_message(text))
    play(app)
    if app.pending.stored:
        waiting = from_json(plain_text(app.pending.stored[0].text), dict)
        assert waiting["version"] > 1
    else:
        assert bool(app.rows) or bool(app.poisoned)
        assert app.all_have_ended
    assert_nobody_else_is_mailed(app)
    app.look_after_poison()


@pytest.mark.parametrize("deep", [10, 5_000, 9_500])
def test_a_newer_message_that_its_checkpoint_makes_too_long_stays_as_it_is(deep: int) -> None:
    app = MemoryApp()
    text = f'{{"version": 2, "a": "{"é" * 20_000}", "deep": {"[" * deep}{"]" * deep}}}'
    app.pending.put(text)
    app.poll()
    assert app.pending.stored[0].text == text
    app.clock.advance(seconds=NEWER_VERSION_SECONDS - 1)
    assert app.pending.peek(1) == []


def test_of_a_pending_message_by_others_only_fifty_are_mailed_and_the_rest_is_counted() -> None:
    app = MemoryApp()
    odd = ["a@contoso.com>\r\nRCPT TO:<e@evil.example", "eve@evil.example", "a b@contoso.com"]
    many = [f"a{number}@contoso.com" for number in range(70)]
    app.pending.put(pending_text(notificationEmails=[*odd, *many]))
    play(app)
    [(mail, recipients)] = app.sent.mails
    assert list(recipients) == many[:49] or list(recipients) == many[:50]
    assert str(mail["To"]) == ", ".join(recipients)


def test_a_good_request_among_bad_ones_is_carried_out() -> None:
    app = MemoryApp()
    bad = ["{", "[]", "\x00", '{"publisherId": "../x"}', "A" * 60_000, "{" * 60_000]
    good = {**SUBJECT, "requestId": REQUEST_ID, "metadata": {"notification-emails": ALLOWED}}
    for text in (*bad, json.dumps(good), *bad):
        app.requests.put(text)
    play(app)
    [row] = app.rows
    assert (row.publisher_id, row.offer_id, row.request_id) == (PUBLISHER, OFFER, REQUEST_ID)
    assert len(app.poisoned) == 2 * len(bad)
    [(_, recipients)] = app.sent.mails
    assert recipients == (ALLOWED,)
