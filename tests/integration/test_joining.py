"""Several requests for one offer: one cancel call, and for each its own outcome and mail."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from devstack.partner_center import State
from shared.joining import WAIT
from shared.partner_center.protocol import CancelAnswer
from shared.queues import QueuedMessage
from tests.integration.backstage import LEASE_SECONDS
from tests.integration.crashes import CrashError, Fate
from tests.integration.stage import PUBLISHER, REQUESTER, Stage

pytestmark = pytest.mark.integration

SECOND = "second@contoso.com"


def ask_second(stage: Stage) -> str:
    return stage.ask(metadata={"notification-emails": SECOND})


def recipients(stage: Stage) -> list[str]:
    return sorted(str(mail.recipients[0]) for mail in stage.mails())


def test_a_second_request_joins_the_first_and_each_has_its_mail(stage: Stage) -> None:
    stage.given("cancels-after-202", cancel_seconds=LEASE_SECONDS)
    first = stage.pend()
    second = ask_second(stage)
    stage.play_out(second)
    assert (stage.outcome(first), stage.outcome(second)) == ("canceled", "canceled")
    assert len(stage.posts) == 1
    assert recipients(stage) == [REQUESTER, SECOND]
    row = stage.row(second)
    assert row.joined_request_id == first
    assert row.post_sent_at == stage.row(first).post_sent_at
    assert any(first in step.detail for step in row.history)


def test_a_first_that_is_about_to_send_is_waited_for(stage: Stage) -> None:
    stage.given("cancels-after-202", cancel_seconds=LEASE_SECONDS)
    first, second = stage.ask(), ask_second(stage)
    held = stage.received()
    die(stage, held, Fate(0, after=True))
    stage.submit()
    assert stage.posts == []
    assert stage.row(second).post_sent_at is None
    stage.submission().handle(held)
    assert stage.row(first).pending_queued
    stage.time.advance(WAIT.total_seconds())
    stage.submit()
    assert stage.row(second).joined_request_id == first
    stage.play_out(second)
    assert len(stage.posts) == 1
    assert recipients(stage) == [REQUESTER, SECOND]


@pytest.mark.parametrize("at", [0, 1], ids=["accepted", "with its intent written"])
def test_a_first_that_stands_still_is_not_waited_for_and_joins_when_it_is_back(
    stage: Stage, at: int
) -> None:
    stage.given("cancels-after-202", cancel_seconds=2 * LEASE_SECONDS)
    first, second = stage.ask(), ask_second(stage)
    die(stage, stage.received(), Fate(at, after=True))
    stage.submit()
    for _ in range(6):
        stage.time.advance(WAIT.total_seconds())
        stage.submit_all()
    assert len(stage.posts) == 1
    assert stage.row(second).post_confirmed_at
    stage.time.advance(LEASE_SECONDS)
    stage.submit_all()
    stage.play_out(first)
    stage.play_out(second)
    assert (stage.outcome(first), stage.outcome(second)) == ("canceled", "canceled")
    if at == 0:
        assert (stage.row(first).joined_request_id, len(stage.posts)) == (second, 1)
    assert recipients(stage) == [REQUESTER, SECOND]


def die(stage: Stage, message: QueuedMessage, fate: Fate) -> None:
    with contextlib.suppress(CrashError):
        stage.submission(**stage.under(fate)).handle(message)
    assert fate.has_struck
    stage.time.advance(1)


def test_two_that_are_taken_at_once_send_one_call(stage: Stage) -> None:
    stage.given("cancels-after-202")
    request_ids = [stage.ask(), ask_second(stage)]
    messages = [stage.received(), stage.received()]
    for message in messages:  # as after an accept over HTTP: the rows are there before
        die(stage, message, Fate(0, after=True))

    def handled(message: QueuedMessage) -> None:
        stage.submission().handle(message)
        stage.requests.adapter.delete(message)

    with ThreadPoolExecutor(2) as workers:
        list(workers.map(handled, messages))
    for request_id in request_ids:
        stage.play_out(request_id)
    assert len(stage.posts) == 1
    assert {stage.outcome(each) for each in request_ids} == {"canceled"}
    assert recipients(stage) == [REQUESTER, SECOND]


def test_a_request_that_names_another_operation_is_judged_on_its_own(stage: Stage) -> None:
    stage.given("cancels-after-202")
    first = stage.pend()
    second = stage.ask(operationId="56615b67-2185-49fe-80d2-c4ddf77bb2e8")
    stage.play_out(second)
    assert (stage.outcome(first), stage.outcome(second)) == ("canceled", "rejected")
    assert stage.row(second).joined_request_id is None


def test_a_crash_before_the_row_tells_of_the_join_mails_once(stage: Stage) -> None:
    stage.given("cancels-after-202", cancel_seconds=2 * LEASE_SECONDS)
    stage.pend()
    second = ask_second(stage)
    fate = Fate(1, after=True)
    stage.submit_and_die(fate)
    assert fate.effects[:2] == ["row.insert", "pending.put"]
    stage.play_out(second)
    stage.play_after()
    assert len(stage.posts) == 1
    assert recipients(stage) == [REQUESTER, SECOND]


def test_once_the_first_has_ended_the_next_sends_its_own(stage: Stage) -> None:
    stage.given("cancels-after-202")
    stage.play_out(stage.ask())
    stage.simulator.publish(PUBLISHER, stage.offer)
    second = ask_second(stage)
    stage.play_out(second)
    assert (stage.outcome(second), len(stage.posts)) == ("canceled", 2)
    assert stage.row(second).joined_request_id is None
    assert [each.state for each in stage.truth()] == [State.CANCELED, State.CANCELED]


def test_a_twin_that_comes_while_its_call_is_under_way_sends_no_other(stage: Stage) -> None:
    stage.given("cancels-after-202", cancel_seconds=LEASE_SECONDS)
    request_id = stage.ask()
    held = stage.received()
    center = TwinComesMeanwhile(stage, held)
    stage.submission(partner_center=lambda: center).handle(held)
    assert center.twins == 1
    stage.requests.adapter.delete(held)
    stage.play_out(request_id)
    assert (len(stage.posts), stage.outcome(request_id)) == (1, "canceled")
    assert recipients(stage) == [REQUESTER]
    assert stage.requests.kept == []


class TwinComesMeanwhile:
    """Partner Center, and another worker that gets the same message while a call is answered."""

    def __init__(self, stage: Stage, message: QueuedMessage) -> None:
        self._stage, self._message = stage, message
        self.twins = 0

    def __getattr__(self, method: str) -> Any:
        return getattr(self._stage.center, method)

    def cancel(self, *offer: str) -> CancelAnswer:
        answer = self._stage.center.cancel(*offer)
        self.twins += 1
        self._stage.submission().handle(self._message)
        return answer
