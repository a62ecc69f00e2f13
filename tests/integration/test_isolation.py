"""One bad offer, message or address never delays the others."""

from collections.abc import Sequence
from typing import Any

import pytest

from shared.errors import StorageUnavailableError
from shared.notification.sender import Delivery
from shared.partner_center.protocol import PartnerCenter
from shared.pending_step import MAX_CRASHES, SUSPECT_CRASHES
from shared.queues import PENDING_CANCELLATIONS
from shared.record import CancellationRecord, Mail
from tests.integration.crowd import Crowd
from tests.integration.duty import Duty, records_on
from tests.integration.parts import POLICY, policy
from tests.integration.stage import REQUESTER, Stage

pytestmark = pytest.mark.integration

TICK, LEASE, CLAIMED = 15, 120, 660
GONE, ALSO_GONE = "gone@contoso.com", "left@contoso.com"
NEVER_READ = {"on": ["operation"], "delay_seconds": 30}


class WorkerDied(BaseException):
    """Nothing in the app catches this: what the worker had in hand stays as it is."""


def died(stage: Stage, **parts: Any) -> bool:
    """Run the poller once; whether that ended the process, other messages done or not."""
    try:
        stage.poll(**parts)
    except WorkerDied:
        return True
    return False


class DeadlyReads:
    """Partner Center, whose answer about one offer ends whoever reads it."""

    def __init__(self, center: PartnerCenter, offer: str) -> None:
        self._center, self._offer = center, offer
        self.reads: list[str] = []

    def __getattr__(self, method: str) -> Any:
        real = getattr(self._center, method)

        def read(publisher: str, offer: str, *more: str) -> Any:
            self.reads.append(offer)
            if offer == self._offer:
                raise WorkerDied
            return real(publisher, offer, *more)

        return read


class DeadlyMail:
    """A sender whom the mail about one request ends, as a fault in rendering it would."""

    def __init__(self, stage: Stage, request_id: str, error: type[BaseException]) -> None:
        self._real, self._request_id, self._error = stage.smtp_sender, request_id, error
        self.tries = 0

    def send(self, mail: Any, recipients: Sequence[str]) -> Delivery:
        if mail["X-Offer-Cancel-Request"] == self._request_id:
            self.tries += 1
            raise self._error
        return self._real.send(mail, recipients)


def mail_those_that_waited_for_others(stage: Stage) -> None:
    """Only half of the workers mail at once; what found them busy is tried at later ticks."""
    for _ in range(10):
        stage.time.advance(TICK)
        stage.poll()


def test_more_offers_than_workers_answer_too_slowly_and_the_others_are_polled(
    stage: Stage,
) -> None:
    crowd = Crowd(stage)
    slow = crowd.ask_many(POLICY.poll_concurrency + 2, "cancels-after-202", faults=[NEVER_READ])
    fine = crowd.ask_many(6, "cancels-after-202", cancel_seconds=1)
    center = stage.portal(read_seconds=0.5)
    for _ in range(5):
        stage.time.advance(TICK)
        stage.poll(partner_center=lambda: center)
    assert {crowd.outcome(each) for each in fine} == {"canceled"}
    assert crowd.are_mailed_once(fine)
    assert {crowd.outcome(each) for each in slow} == {""}
    assert {members["requestId"] for members in stage.pending.members} == set(slow)
    assert all(members["failures"] for members in stage.pending.members)


def test_more_offers_than_workers_answer_slowly_and_all_of_them_end(stage: Stage) -> None:
    crowd = Crowd(stage)
    late = {"on": ["operation"], "delay_seconds": 0.3}
    count = 2 * POLICY.poll_concurrency
    crowd.ask_many(count, "cancels-after-202", cancel_seconds=1, faults=[late])
    crowd.ask_many(count, "cancels-after-202", cancel_seconds=1)
    stage.time.advance(TICK)
    stage.poll()
    assert {crowd.outcome(each) for each in crowd.request_ids} == {"canceled"}


def test_an_offer_that_ends_whoever_reads_it_is_read_last_alone_and_six_times(
    stage: Stage,
) -> None:
    crowd = Crowd(stage)
    [deadly] = crowd.ask_many(1, "cancels-after-202", cancel_seconds=1)
    offer = crowd.offer_of(deadly)
    center = DeadlyReads(stage.center, offer)
    orders = []
    for _ in range(2 * MAX_CRASHES):
        others = crowd.ask_many(3, "cancels-after-202", cancel_seconds=1)
        stage.time.advance(LEASE)
        before = len(center.reads)
        died(stage, partner_center=lambda: center)
        orders.append(center.reads[before:])
        assert {crowd.outcome(each) for each in others} == {"canceled"}
    assert center.reads.count(offer) == MAX_CRASHES
    for order in orders[SUSPECT_CRASHES:MAX_CRASHES]:
        assert order.index(offer) == len(order) - 1 > 0
    [record] = records_on(stage.pending_poison)
    assert (record.request_id, "6 times" in record.reason) == (deadly, True)
    Duty(stage).watch(PENDING_CANCELLATIONS)
    stage.poll()
    assert crowd.outcome(deadly) == "unconfirmed"
    mail_those_that_waited_for_others(stage)
    assert crowd.are_mailed_once()
    assert stage.pending.kept == []


def test_a_run_that_ended_with_its_worker_takes_nobody_along_for_long(stage: Stage) -> None:
    crowd = Crowd(stage)
    [deadly, *others] = crowd.ask_many(4, "cancels-after-202", cancel_seconds=1)
    center = DeadlyReads(stage.center, crowd.offer_of(deadly))
    for _ in range(SUSPECT_CRASHES):  # all of them were in hand when the process ended
        stage.time.advance(LEASE)
        assert len(stage.pending.adapter.receive(4, LEASE)) == 4
    minutes = 0
    while not all(crowd.outcome(each) for each in others):
        stage.time.advance(60)
        minutes += 1
        died(stage, partner_center=lambda: center)
    assert minutes <= 15
    assert not crowd.outcome(deadly)


@pytest.mark.parametrize("error", [WorkerDied, ValueError])
def test_a_mail_that_ends_whoever_sends_it_is_tried_six_times(
    stage: Stage, error: type[BaseException]
) -> None:
    crowd = Crowd(stage)
    [deadly] = crowd.ask_many(1, "cancels-after-202", cancel_seconds=1)
    stage.time.advance(TICK)
    sender = DeadlyMail(stage, deadly, error)
    mailer = stage.mailer(sender)
    for _ in range(2 * MAX_CRASHES):
        others = crowd.ask_many(2)
        died(stage, mailer=lambda: mailer)
        assert crowd.are_mailed_once(others)
        stage.time.advance(CLAIMED)
    assert sender.tries == MAX_CRASHES
    assert stage.pending.kept == []
    [record] = records_on(stage.pending_poison)
    assert (record.request_id, "6 times" in record.reason) == (deadly, True)
    row = crowd.row(deadly)
    assert (row.mail, row.emails, crowd.outcome(deadly)) == (Mail.FAILED, (), "canceled")
    Duty(stage).watch(PENDING_CANCELLATIONS)
    assert stage.pending.kept == []  # there is nothing else that it could be told


def test_a_mail_that_failed_once_by_a_crash_is_sent_when_that_is_mended(stage: Stage) -> None:
    crowd = Crowd(stage)
    [request_id] = crowd.ask_many(1)
    sender = DeadlyMail(stage, request_id, ValueError)
    for _ in range(3):
        stage.poll(mailer=lambda: stage.mailer(sender))
        stage.time.advance(CLAIMED)
    assert 1 < sender.tries < MAX_CRASHES
    for _ in range(4):
        stage.poll()
        stage.time.advance(CLAIMED)
    assert crowd.are_mailed_once()
    assert stage.pending_poison.kept == []


def test_a_table_that_is_away_for_hours_makes_no_message_look_deadly(stage: Stage) -> None:
    class Away:
        def __getattr__(self, name: str) -> Any:
            return getattr(stage.ledger, name)

        def replace(self, record: CancellationRecord) -> CancellationRecord:
            raise StorageUnavailableError("table cancellations: ServerBusy")

    crowd = Crowd(stage)
    crowd.ask_many(3)
    for _ in range(2 * MAX_CRASHES):
        stage.poll(ledger=Away())
        stage.time.advance(CLAIMED)
    stage.poll()
    mail_those_that_waited_for_others(stage)
    assert crowd.are_mailed_once()
    assert stage.pending_poison.kept == []


def test_one_recipient_is_refused_for_good_and_the_other_has_the_mail(stage: Stage) -> None:
    crowd = Crowd(stage)
    stage.mailbox.refuse(GONE, 550)
    [request_id] = crowd.ask_many(1, emails=f"{GONE},{REQUESTER}")
    stage.poll()
    [mail] = crowd.mails(request_id)
    assert mail.recipients == (REQUESTER,)
    assert crowd.row(request_id).mail is Mail.SENT
    assert stage.pending.kept == stage.pending_poison.kept == []


def test_requests_whose_addresses_are_all_refused_stop_nobody_elses_mail(stage: Stage) -> None:
    crowd = Crowd(stage)
    for address in (GONE, ALSO_GONE):
        stage.mailbox.refuse(address, 550)
    refused = crowd.ask_many(6, emails=f"{GONE},{ALSO_GONE}")
    fine = crowd.ask_many(2)
    stage.poll(policy=policy(poll_concurrency=1))
    assert crowd.are_mailed_once(fine)
    assert {crowd.row(each).mail for each in refused} == {Mail.FAILED}
    records = records_on(stage.pending_poison)
    assert {record.request_id for record in records} == set(refused)
    assert {record.reason for record in records} == {"every recipient was refused for good"}
    assert stage.pending.kept == []


def test_messages_that_break_the_rules_stop_nobody_elses_request(stage: Stage) -> None:
    crowd = Crowd(stage)
    for text in ("nonsense", "{}", '{"publisherId": "contoso", "offerId": "Not An Offer"}'):
        stage.requests.adapter.put(text)
        crowd.ask("cancels-at-once")
    stage.submit_all()
    assert {crowd.outcome(each) for each in crowd.request_ids} == {"canceled"}
    assert len(stage.requests_poison.kept) == 3
