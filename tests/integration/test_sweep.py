"""The sweep: who hears that it is not canceled yet, and what is closed that nothing moves."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from shared.errors import (
    ConfigurationError,
    MailAnswerLostError,
    MailError,
    MailRefusedError,
    StorageUnavailableError,
)
from shared.models import CancelRequest, Outcome, OutcomeName
from shared.outcome_mail import Mailer
from shared.record import CancellationRecord, Mail, new_record
from tests.integration.crashes import CrashError, Fate
from tests.integration.parts import policy
from tests.integration.stage import PUBLISHER, REQUESTER, Stage

pytestmark = pytest.mark.integration

MINUTES = 60
HOURS = 3600


def waiting(stage: Stage, **changes: Any) -> str:
    """A request that could not be carried out yet."""
    record = new_record(
        CancelRequest(publisher_id=PUBLISHER, offer_id=stage.offer, reason="wrong price"),
        request_id=str(uuid.uuid4()),
        requested_at=stage.time(),
        source="queue",
        emails=(REQUESTER,),
        dropped_emails=0,
        now=stage.time(),
    )
    inserted: CancellationRecord = replace(record, **changes)
    return stage.ledger.insert(inserted).request_id


def test_who_asked_hears_once_when_it_is_not_canceled_in_time(stage: Stage) -> None:
    request_id = waiting(stage, last_error="Partner Center answered 503 to a read")
    stage.time.advance(15 * MINUTES - 1)
    stage.sweep()
    assert stage.mails() == []
    stage.time.advance(1)
    stage.sweep()
    mail = stage.mail
    assert mail.subject.startswith("NOT YET CANCELED")
    assert mail.recipients == (REQUESTER,)
    assert "Partner Center answered 503" in mail.text
    assert "https://partner.microsoft.com/" in mail.text
    row = stage.row(request_id)
    assert (row.notice, row.mail, row.emails) == (Mail.SENT, Mail.NONE, (REQUESTER,))
    for _ in range(3):
        stage.time.advance(HOURS)
        stage.sweep()
    assert len(stage.mails()) == 1


def test_the_delay_is_a_setting(stage: Stage) -> None:
    waiting(stage)
    stage.time.advance(2 * MINUTES)
    stage.sweep(policy=policy(notification_delay=timedelta(minutes=2)))
    assert len(stage.mails()) == 1


def test_a_cancel_call_that_was_taken_needs_no_notice(stage: Stage) -> None:
    stage.given("cancels-after-202", cancel_seconds=10**6, ends_after_seconds=10**6)
    stage.pend()
    stage.time.advance(HOURS)
    stage.sweep()
    assert stage.mails() == []


def test_a_cancel_call_that_only_may_have_arrived_does(stage: Stage) -> None:
    stage.given("cancels-after-202", faults=[{"on": ["cancel"], "drop": True}])
    stage.ask()
    stage.submit()
    stage.time.advance(15 * MINUTES)
    stage.sweep()
    assert "NOT YET" in stage.mail.subject


def test_a_request_that_has_ended_needs_no_notice(stage: Stage) -> None:
    outcome = Outcome(name=OutcomeName.EXPIRED, at=stage.time())
    waiting(stage, outcome=outcome)
    stage.time.advance(HOURS)
    stage.sweep()
    assert stage.mails() == []


def test_the_outcome_is_mailed_after_the_notice_as_well(stage: Stage) -> None:
    outage = [{"on": ["list"], "for_seconds": 1200, "status": 503}]
    stage.given("cancels-after-202", ends_after_seconds=10**6, faults=outage)
    request_id = stage.ask()
    stage.submit()
    stage.time.advance(1000)
    stage.sweep()
    stage.time.advance(300)
    stage.play_out(request_id)
    assert [mail.message["X-Offer-Cancel-Outcome"] for mail in stage.mails()] == [
        "not-yet-canceled",
        "canceled",
    ]


def test_without_any_recipient_no_notice_is_sent_and_that_is_kept(stage: Stage) -> None:
    request_id = waiting(stage, emails=())
    stage.time.advance(HOURS)
    stage.sweep()
    assert stage.row(request_id).notice is Mail.NOBODY
    stage.sweep(mailer=lambda: stage.mailer(default_emails=("ops@contoso.com",)))
    assert stage.mails() == []


def test_who_is_there_by_default_gets_the_notice_where_nobody_else_can(stage: Stage) -> None:
    waiting(stage, emails=("evil@fabrikam.com",))
    stage.time.advance(HOURS)
    stage.sweep(mailer=lambda: stage.mailer(default_emails=("ops@contoso.com",)))
    assert stage.mail.recipients == ("ops@contoso.com",)


def test_a_notice_that_is_deferred_is_sent_later(stage: Stage) -> None:
    request_id = waiting(stage)
    stage.mailbox.refuse_everything(451)
    stage.time.advance(15 * MINUTES)
    for failures in (1, 2):
        stage.sweep()
        row = stage.row(request_id)
        assert (row.notice, row.notice_failures) == (Mail.NONE, failures)
        stage.time.advance(15 * MINUTES)
    stage.mailbox.accept_again()
    stage.sweep()
    assert len(stage.mails()) == 1
    assert stage.row(request_id).notice is Mail.SENT


def test_a_notice_whose_recipients_are_all_refused_for_now_is_sent_later(stage: Stage) -> None:
    request_id = waiting(stage)
    stage.mailbox.refuse(REQUESTER, 451)
    stage.time.advance(15 * MINUTES)
    stage.sweep()
    assert stage.row(request_id).notice is Mail.NONE
    stage.mailbox.accept_again()
    stage.time.advance(15 * MINUTES)
    stage.sweep()
    assert len(stage.mails()) == 1
    assert stage.row(request_id).notice is Mail.SENT


def test_a_notice_whose_recipients_are_all_refused_for_good_has_failed(stage: Stage) -> None:
    request_id = waiting(stage)
    stage.mailbox.refuse(REQUESTER, 550)
    stage.time.advance(15 * MINUTES)
    stage.sweep()
    assert stage.row(request_id).notice is Mail.FAILED
    stage.mailbox.accept_again()
    stage.time.advance(HOURS)
    stage.sweep()
    assert stage.mails() == []


@pytest.mark.parametrize(
    ("error", "state"),
    [(MailAnswerLostError("lost"), Mail.SENT), (MailRefusedError("spam"), Mail.FAILED)],
    ids=["answer-lost", "refused"],
)
def test_a_notice_that_may_have_arrived_or_never_will_is_not_sent_again(
    stage: Stage, error: MailError, state: Mail
) -> None:
    class Unlucky:
        def send(self, *_: object) -> object:
            raise error

    request_id = waiting(stage)
    stage.time.advance(15 * MINUTES)
    stage.sweep(mailer=lambda: stage.mailer(Unlucky()))  # type: ignore[arg-type]
    assert stage.row(request_id).notice is state
    stage.time.advance(HOURS)
    stage.sweep()
    assert stage.mails() == []


def test_wrong_mail_settings_lose_no_notice(stage: Stage) -> None:
    def misconfigured() -> Mailer:
        raise ConfigurationError("Mail", ("NOTIFICATION_SENDER is missing",))

    waiting(stage)
    stage.time.advance(15 * MINUTES)
    stage.sweep(mailer=misconfigured)
    stage.time.advance(15 * MINUTES)
    stage.sweep()
    assert len(stage.mails()) == 1


def test_two_sweeps_at_once_send_one_notice(stage: Stage) -> None:
    for _ in range(3):
        waiting(stage)
    stage.time.advance(15 * MINUTES)
    with ThreadPoolExecutor(2) as timers:
        for done in [timers.submit(stage.sweep) for _ in range(2)]:
            done.result()
    assert len(stage.mails()) == 3


def test_a_notice_that_somebody_is_sending_is_left_to_them_for_ten_minutes(stage: Stage) -> None:
    stage_time = stage.time() + timedelta(minutes=15)
    waiting(stage, notice=Mail.SENDING, notice_at=stage_time)
    stage.time.advance(25 * MINUTES - 1)
    stage.sweep()
    assert stage.mails() == []
    stage.time.advance(1)
    stage.sweep()
    assert len(stage.mails()) == 1


@pytest.mark.parametrize(("was_sent", "outcome"), [(False, "expired"), (True, "unconfirmed")])
def test_a_row_that_nothing_moves_is_closed_an_hour_after_its_time_to_live(
    stage: Stage, was_sent: bool, outcome: str
) -> None:
    sent_at = stage.time() if was_sent else None
    request_id = waiting(stage, notice=Mail.SENT, post_sent_at=sent_at)
    stage.time.advance(25 * HOURS - 1)
    stage.sweep()
    assert stage.outcome(request_id) == ""
    stage.time.advance(1)
    stage.sweep()
    assert stage.outcome(request_id) == outcome
    stage.poll()
    assert stage.mails()[-1].message["X-Offer-Cancel-Outcome"] == outcome
    stage.sweep()
    assert stage.pending.kept == []


def test_a_row_that_goes_on_is_not_closed(stage: Stage) -> None:
    request_id = waiting(stage, notice=Mail.SENT)
    stage.time.advance(24 * HOURS)
    stage.ledger.replace(stage.row(request_id).with_step(stage.time(), "polled"))
    stage.time.advance(24 * HOURS)
    stage.sweep()
    assert stage.outcome(request_id) == ""


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", [0, 1])
def test_a_crash_while_closing_closes_and_mails_once(stage: Stage, at: int, after: bool) -> None:
    request_id = waiting(stage, notice=Mail.SENT)
    stage.time.advance(25 * HOURS)
    with pytest.raises(CrashError):
        stage.sweep(**stage.under(Fate(at, after=after)))
    stage.sweep()
    stage.poll()
    stage.play_after()
    assert stage.outcome(request_id) == "expired"
    assert len(stage.mails()) == 1
    assert stage.pending.kept == []


def test_one_row_that_somebody_works_on_does_not_stop_the_others(stage: Stage) -> None:
    busy, idle = waiting(stage), waiting(stage)
    stage.time.advance(15 * MINUTES)

    class Racing:
        def __getattr__(self, name: str) -> object:
            return getattr(stage.ledger, name)

        def unfinished_records(self) -> object:
            found = list(stage.ledger.unfinished_records())
            stage.ledger.replace(replace(stage.row(busy), reason="changed meanwhile"))
            return found

    stage.sweep(ledger=Racing())
    assert stage.row(busy).notice is Mail.NONE
    assert stage.row(idle).notice is Mail.SENT


def test_a_table_that_cannot_be_read_is_said(stage: Stage) -> None:
    waiting(stage)

    class Down:
        def unfinished_records(self) -> object:
            raise StorageUnavailableError("down")

    with pytest.raises(StorageUnavailableError):
        stage.sweep(ledger=Down())
