"""Queues and the table deleted under way: made again, and no request is left in silence."""

from collections.abc import Callable

import pytest

from shared.models import to_json
from shared.queues import CANCEL_REQUESTS, PENDING_CANCELLATIONS
from shared.record import Mail
from tests.integration.duty import Duty, mail_is_out, records_on
from tests.integration.stage import Stage, a_pending

pytestmark = pytest.mark.integration

HOUR = 3600
NEVER = 10**6
BUSY = [{"on": ["list"], "for_seconds": 600, "status": 503}]


def delete_requests(stage: Stage) -> None:
    stage.requests.client.delete_queue()


def delete_pending(stage: Stage) -> None:
    stage.pending.client.delete_queue()


def delete_table(stage: Stage) -> None:
    stage.table.delete_table()


def delete_all(stage: Stage) -> None:
    for delete in (delete_requests, delete_pending, delete_table):
        delete(stage)


@pytest.mark.parametrize("delete", [delete_requests, delete_pending, delete_table, delete_all])
def test_what_is_asked_after_a_deletion_is_carried_out(
    stage: Stage, delete: Callable[[Stage], None]
) -> None:
    stage.given("cancels-after-202", cancel_seconds=120)
    stage.pend()
    stage.ask()
    delete(stage)
    later = stage.ask()
    stage.play_out(later)
    assert stage.outcome(later) == "canceled"


def test_a_request_whose_message_is_lost_is_closed_and_mailed(stage: Stage) -> None:
    stage.given("cancels-after-202", faults=BUSY)
    request_id = stage.ask()
    stage.submit()
    delete_requests(stage)
    stage.time.advance(HOUR)
    stage.sweep()
    assert [mail.message["X-Offer-Cancel-Outcome"] for mail in stage.mails()] == [
        "not-yet-canceled"
    ]
    stage.time.advance(25 * HOUR)
    stage.sweep()
    assert stage.outcome(request_id) == "expired"
    stage.poll()
    assert stage.mails()[-1].message["X-Offer-Cancel-Outcome"] == "expired"
    assert stage.posts == []


@pytest.mark.parametrize("ends", ["canceled", "succeeded"])
def test_a_pending_message_that_is_lost_is_made_again_and_the_truth_is_found(
    stage: Stage, ends: str
) -> None:
    stage.given("cancels-after-202", cancel_seconds=NEVER, ends_after_seconds=NEVER)
    request_id = stage.pend()
    delete_pending(stage)
    stage.simulator.finish("contoso", stage.offer, ends)
    stage.time.advance(HOUR - 60)
    stage.sweep()
    assert stage.pending.kept == []
    stage.time.advance(60)
    stage.sweep()
    stage.sweep()
    assert len(stage.pending.kept) == 1
    stage.play_out(request_id)
    expected = {"canceled": "canceled", "succeeded": "completed-first"}[ends]
    assert stage.outcome(request_id) == expected
    assert stage.mail.message["X-Offer-Cancel-Outcome"] == expected
    assert len(stage.posts) == 1


def test_an_outcome_whose_message_is_lost_before_its_mail_is_mailed(stage: Stage) -> None:
    stage.given("cancels-at-once")
    request_id = stage.ask()
    stage.mailbox.refuse_everything(451)
    stage.submit()
    stage.poll()
    assert stage.row(request_id).mail is Mail.NONE
    assert stage.outcome(request_id) == "canceled"
    delete_pending(stage)
    stage.mailbox.accept_again()
    stage.time.advance(HOUR)
    stage.sweep()
    stage.sweep()
    assert len(stage.pending.kept) == 1
    stage.play_out(request_id)
    assert stage.mail.message["X-Offer-Cancel-Outcome"] == "canceled"
    stage.time.advance(HOUR)
    stage.sweep()
    assert stage.pending.kept == []


def test_a_message_that_is_lost_again_and_again_is_made_again_once(stage: Stage) -> None:
    stage.given("cancels-after-202", cancel_seconds=NEVER, ends_after_seconds=NEVER)
    request_id = stage.pend()
    for made_again in (1, 0):
        delete_pending(stage)
        stage.time.advance(2 * HOUR)
        stage.sweep()
        assert len(stage.pending.kept) == made_again
    stage.time.advance(25 * HOUR)
    stage.sweep()
    assert stage.outcome(request_id) == "unconfirmed"
    stage.poll()
    assert stage.mail.message["X-Offer-Cancel-Outcome"] == "unconfirmed"


def test_a_cancellation_that_is_followed_gets_no_second_message(stage: Stage) -> None:
    stage.given("cancels-after-202", cancel_seconds=NEVER, ends_after_seconds=NEVER)
    stage.pend()
    for _ in range(9):
        stage.time.advance(600)
        stage.poll()
        stage.sweep()
        assert len(stage.pending.kept) == 1


@pytest.mark.parametrize("queue_name", [CANCEL_REQUESTS, PENDING_CANCELLATIONS])
def test_a_poison_queue_that_was_deleted_is_made_by_the_next_poison(
    stage: Stage, queue_name: str
) -> None:
    duty, poison = Duty(stage), stage.requests_poison
    if queue_name == PENDING_CANCELLATIONS:
        poison = stage.pending_poison
    duty.watch(queue_name)
    poison.client.delete_queue()
    stage.given("cancels-after-202")
    if queue_name == CANCEL_REQUESTS:
        stage.requests.adapter.put("no JSON")
        stage.submit()
    else:
        stage.pending.adapter.put(to_json(a_pending(stage)).replace('"contoso"', "7"))
        stage.poll()
    [record] = records_on(poison)
    poison.client.delete_queue()
    duty.watch(queue_name)
    mail_is_out(stage)
    assert record.reason
    assert poison.client.peek_messages(1) == []
