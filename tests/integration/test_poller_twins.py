"""The end of a request, told once: after crashes, to two pollers, with twins and late findings."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from msgspec.structs import replace

from shared.models import Outcome, OutcomeName
from shared.queues import QueuedMessage
from shared.telemetry import LOGGER_NAME
from tests.integration.crashes import Fate
from tests.integration.stage import PUBLISHER, Stage

pytestmark = pytest.mark.integration

POLLING = ["pending.update"]
ENDING = ["pending.update", "row.replace", "mail.send", "row.replace", "pending.delete"]
SLOW = {"cancel_seconds": 10**6, "ends_after_seconds": 10**6}


def events(caplog: pytest.LogCaptureFixture, name: str) -> list[dict[str, Any]]:
    told = [json.loads(record.message) for record in caplog.records if record.name == LOGGER_NAME]
    return [line for line in told if line["event"] == name]


def test_the_crash_points_of_a_poll_are_all_there_are(stage: Stage) -> None:
    stage.given("cancels-after-202", **SLOW)
    stage.pend()
    fate = Fate()
    stage.poll(**stage.under(fate))
    assert fate.effects == POLLING


def test_the_crash_points_of_an_end_are_all_there_are(stage: Stage) -> None:
    stage.given("cancels-after-202")
    stage.pend()
    fate = Fate()
    stage.poll(**stage.under(fate))
    assert fate.effects == ENDING


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(len(ENDING)), ids=lambda at: f"{at + 1}-{ENDING[at]}")
def test_a_crash_while_ending_repeats_only_what_was_not_done(
    stage: Stage, at: int, after: bool
) -> None:
    stage.given("cancels-after-202")
    request_id = stage.pend()
    stage.poll_and_die(Fate(at, after=after))
    stage.simulator.publish(PUBLISHER, stage.offer)  # what is read from here on is another story
    calls = len(stage.calls())
    stage.play_out(request_id)
    stage.play_after()
    row = stage.row(request_id)
    assert row.outcome is not None
    assert row.outcome.name == "canceled"
    assert row.emails == ()
    assert stage.pending.kept == stage.pending_poison.kept == []
    was_sent_unnoticed = (ENDING[at], after) == ("mail.send", True) or (at, after) == (3, False)
    assert len(stage.mails()) == (2 if was_sent_unnoticed else 1)
    assert len({mail.message["Message-ID"] for mail in stage.mails()}) == 1
    assert {mail.message["X-Offer-Cancel-Outcome"] for mail in stage.mails()} == {"canceled"}
    has_outcome = (at, after) != (0, False)
    assert (len(stage.calls()) == calls) is has_outcome


def test_a_crash_after_a_poll_only_repeats_the_poll(stage: Stage) -> None:
    stage.given("cancels-after-202")
    request_id = stage.pend()
    stage.poll_and_die(Fate(0))
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"
    assert len(stage.mails()) == 1


def test_two_pollers_at_once_mail_each_outcome_once(stage: Stage) -> None:
    stage.given("cancels-after-202")
    requests = [stage.ask() for _ in range(12)]
    stage.submit_all()
    stage.time.advance(15)
    with ThreadPoolExecutor(2) as timers:
        both = [timers.submit(stage.poll) for _ in range(2)]
        for each in both:
            each.result()
    for request_id in requests:  # those that found the mail server busy are mailed later
        stage.play_out(request_id)
    stage.play_after()
    assert [stage.outcome(request_id) for request_id in requests] == ["canceled"] * 12
    mailed = [mail.message["X-Offer-Cancel-Request"] for mail in stage.mails()]
    assert sorted(mailed) == sorted(requests)
    assert stage.pending.kept == []


def test_twins_of_one_message_that_end_at_once_mail_once(stage: Stage) -> None:
    stage.given("cancels-after-202")
    request_id = stage.pend()
    for _ in range(3):
        stage.pending.adapter.put(stage.pending.kept[0].text)
    all_have_read = Barrier(4)
    has_met: set[str] = set()

    class Meeting:
        def __getattr__(self, name: str) -> object:
            return getattr(stage.pending.adapter, name)

        def update(self, message: QueuedMessage, *given: Any) -> object:
            if message.id not in has_met:
                has_met.add(message.id)
                all_have_read.wait(30)
            return stage.pending.adapter.update(message, *given)

    stage.poll(pending=Meeting())
    stage.play_after()
    assert stage.outcome(request_id) == "canceled"
    assert len(stage.mails()) == 1
    assert stage.pending.kept == []


def test_who_lost_the_lease_sends_nothing(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger=LOGGER_NAME)
    stage.given("cancels-after-202")
    request_id = stage.pend()
    [message] = stage.pending.adapter.receive(1, 60)
    leased = stage.step().open(message, time.monotonic() + 600)
    assert leased is not None
    stage.time.advance(61)
    [again] = stage.pending.adapter.receive(1, 600)

    class TooSlow:
        def __getattr__(self, name: str) -> object:
            return getattr(stage.pending.adapter, name)

        def receive(self, _most: int, _lease_seconds: float) -> object:
            return [message] if not events(caplog, "lease-lost") else []

    stage.poll(pending=TooSlow())
    assert len(events(caplog, "lease-lost")) == 1
    assert (stage.mails(), stage.outcome(request_id)) == ([], "")
    assert again.dequeue_count == 2
    stage.time.advance(600)
    stage.play_out(request_id)
    assert len(stage.mails()) == 1


def test_the_first_outcome_wins_and_a_later_finding_is_only_logged(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger=LOGGER_NAME)
    stage.given("cancels-after-202")
    request_id = stage.pend()
    first = Outcome(name=OutcomeName.COMPLETED_FIRST, at=stage.time())
    stage.ledger.replace(replace(stage.row(request_id), outcome=first))
    stage.play_out(request_id)
    assert stage.row(request_id).outcome == first
    assert stage.mail.message["X-Offer-Cancel-Outcome"] == "completed-first"
    assert events(caplog, "later-finding")[0]["outcome"] == "canceled"
