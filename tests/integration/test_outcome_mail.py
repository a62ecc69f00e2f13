"""The mail about an outcome: to whom, how often, and what becomes of it when it fails."""

import json

import pytest
from msgspec.structs import replace

from shared.backoff import LONGEST_WAIT_SECONDS
from shared.errors import (
    ConfigurationError,
    MailAnswerLostError,
    MailDeferredError,
    MailRefusedError,
)
from shared.models import Outcome, OutcomeName
from shared.outcome_mail import Mailer
from shared.record import Mail
from tests.integration.crashes import Fate
from tests.integration.stage import REQUESTER, Stage

pytestmark = pytest.mark.integration

A, B, C = "a@contoso.com", "b@contoso.com", "c@contoso.com"
DAY = 24 * 3600


def ended(stage: Stage, emails: str = REQUESTER) -> str:
    """A request whose outcome has been found and not mailed yet."""
    stage.given("cancels-at-once")
    request_id = stage.ask(metadata={"notification-emails": emails})
    stage.submit()
    assert stage.outcome(request_id) == "canceled"
    return request_id


def misconfigured() -> Mailer:
    raise ConfigurationError("Mail", ("NOTIFICATION_SENDER is missing", "B is wrong"))


def test_a_mail_goes_to_all_addresses_of_the_request_in_one_message(stage: Stage) -> None:
    request_id = ended(stage, f"{A}, {B}")
    stage.poll()
    mail = stage.mail
    assert mail.recipients == (A, B)
    assert mail.sender == "cancel@contoso.com"
    assert mail.message["To"] == f"{A}, {B}"
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert mail.message["X-Offer-Cancel-Request"] == request_id


def test_addresses_leave_the_row_with_the_mail_and_their_count_stays(stage: Stage) -> None:
    request_id = ended(stage, f"{A}, {B}, nobody")
    assert stage.row(request_id).emails == (A, B)
    stage.poll()
    row = stage.row(request_id)
    assert (row.mail, row.mail_at) == (Mail.SENT, stage.time())
    assert (row.emails, row.email_count, row.dropped_emails) == ((), 2, 1)
    stored = "".join(str(entity) for entity in stage.table.list_entities())
    assert "@" not in stored
    assert stage.pending.kept == []


def test_no_log_line_has_an_address(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="offer_cancel")
    stage.mailbox.refuse(A, 550)
    stage.mailbox.refuse(B, 451)
    request_id = ended(stage, f"{A}, {B}, {C}, evil@fabrikam.com")
    for _ in range(3):
        stage.poll()
        stage.time.advance(900)
    assert stage.row(request_id).mail is Mail.NONE
    lines = [record.message for record in caplog.records if record.name == "offer_cancel"]
    assert lines
    assert not any("@" in line for line in lines)


def test_a_mail_that_is_deferred_is_sent_later_without_polling(stage: Stage) -> None:
    stage.mailbox.refuse_everything(451)
    request_id = ended(stage)
    calls = len(stage.calls())
    for failures in range(1, 6):
        stage.poll()
        assert stage.row(request_id).mail is Mail.NONE
        assert stage.row(request_id).emails == (REQUESTER,)
        assert stage.pending_now.mail_failures == failures
        assert 0 <= stage.pending.only.asked_delay <= min(15 * 2 ** (failures - 1), 900)
        stage.time.advance(900)
    stage.mailbox.accept_again()
    stage.poll()
    assert len(stage.mails()) == 1
    assert len(stage.calls()) == calls


def test_a_mail_server_that_is_away_for_hours_loses_nothing(stage: Stage) -> None:
    request_id = ended(stage)
    stage.mailbox.stop_answering()
    for _ in range(12):
        stage.poll()
        stage.time.advance(900)
    stage.mailbox.start()
    stage.play_out(request_id)
    assert len(stage.mails()) == 1


def test_a_mail_that_fails_for_three_days_is_poison(stage: Stage) -> None:
    stage.mailbox.refuse_everything(451)
    request_id = ended(stage)
    stage.poll()
    stage.time.advance(3 * DAY - 60)
    stage.poll()
    assert stage.pending_poison.kept == []
    stage.time.advance(900)
    stage.poll()
    record = stage.poison(stage.pending_poison)
    assert "not sent within 3 days" in record.reason
    assert record.request_id == request_id
    assert json.loads(record.message)["outcome"]["name"] == "canceled"
    row = stage.row(request_id)
    assert (row.mail, row.emails, stage.pending.kept) == (Mail.FAILED, (), [])


def test_each_recipient_is_served_or_refused_by_itself(stage: Stage) -> None:
    stage.mailbox.refuse(A, 550)
    stage.mailbox.refuse(B, 451)
    request_id = ended(stage, f"{A},{B},{C}")
    stage.poll()
    now = stage.pending_now
    assert (now.remaining_emails, now.served_emails, now.refused_emails) == ((B,), 1, 1)
    stage.mailbox.accept_again()
    stage.time.advance(60)
    stage.poll()
    assert [mail.recipients for mail in stage.mails()] == [(C,), (B,)]
    assert stage.row(request_id).mail is Mail.SENT
    assert stage.pending.kept == []


def test_when_every_recipient_is_refused_for_good_it_is_poison(stage: Stage) -> None:
    stage.mailbox.refuse(A, 550)
    stage.mailbox.refuse(B, 550)
    request_id = ended(stage, f"{A},{B}")
    stage.poll()
    record = stage.poison(stage.pending_poison)
    assert record.reason == "every recipient was refused for good"
    assert stage.row(request_id).mail is Mail.FAILED
    assert stage.mails() == []


def test_a_mail_that_is_refused_for_good_is_poison(stage: Stage) -> None:
    class Refusing:
        def send(self, *_: object) -> object:
            raise MailRefusedError("554 looks like spam")

    request_id = ended(stage)
    stage.poll(mailer=lambda: stage.mailer(Refusing()))  # type: ignore[arg-type]
    assert stage.row(request_id).mail is Mail.FAILED
    assert stage.poison(stage.pending_poison).reason == "554 looks like spam"


def test_a_mail_whose_answer_was_lost_three_times_counts_as_sent(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.mailbox.lose_answers(5)
    request_id = ended(stage)
    for sends in range(1, 4):
        stage.poll()
        assert len(stage.mails()) == sends
        stage.time.advance(900)
    assert stage.row(request_id).mail is Mail.SENT
    assert stage.pending.kept == []
    assert any("mail-counted-as-sent" in record.message for record in caplog.records)
    stage.poll()
    assert len({mail.message["Message-ID"] for mail in stage.mails()}) == 1
    assert len(stage.mails()) == 3


def test_a_lost_answer_among_failures_is_counted_by_itself(stage: Stage) -> None:
    request_id = ended(stage)
    failures = [
        MailAnswerLostError("lost"),
        MailDeferredError("later"),
        MailAnswerLostError("lost"),
        MailDeferredError("later"),
    ]

    class Unlucky:
        def send(self, *_: object) -> object:
            raise failures.pop(0)

    for _ in range(4):
        stage.poll(mailer=lambda: stage.mailer(Unlucky()))  # type: ignore[arg-type]
        stage.time.advance(900)
    assert (stage.pending_now.mail_failures, stage.pending_now.mail_answers_lost) == (4, 2)
    stage.poll()
    assert stage.row(request_id).mail is Mail.SENT


def test_without_any_recipient_the_outcome_is_recorded_and_logged(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    request_id = ended(stage, "")
    stage.poll()
    row = stage.row(request_id)
    assert (row.mail, stage.outcome(request_id)) == (Mail.NOBODY, "canceled")
    assert stage.pending.kept == stage.pending_poison.kept == []
    assert any("mail-to-nobody" in record.message for record in caplog.records)


@pytest.mark.parametrize("emails", ["", "nobody", "evil@fabrikam.com"])
def test_who_is_there_by_default_hears_when_nobody_else_can(stage: Stage, emails: str) -> None:
    ended(stage, emails)
    stage.poll(mailer=lambda: stage.mailer(default_emails=(C,)))
    assert stage.mail.recipients == (C,)


def test_domains_that_are_not_allowed_are_not_mailed_to(stage: Stage) -> None:
    request_id = ended(stage, f"{A},evil@fabrikam.com,evil@sub.contoso.com,b@CONTOSO.com")
    stage.poll()
    assert stage.mail.recipients == (A, "b@CONTOSO.com")
    assert "2 addresses" in stage.mail.text
    assert "fabrikam" not in stage.mail.message.as_string()
    assert stage.row(request_id).mail is Mail.SENT


def test_all_domains_can_be_allowed(stage: Stage) -> None:
    ended(stage, f"{A},b@fabrikam.com")
    stage.poll(mailer=lambda: stage.mailer(allowed_domains=frozenset({"*"})))
    assert stage.mail.recipients == (A, "b@fabrikam.com")


def test_wrong_mail_settings_lose_nothing_and_do_not_stop_polling(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.given("cancels-after-202")
    request_id = stage.pend()
    for _ in range(8):
        stage.poll(mailer=misconfigured)
        stage.time.advance(LONGEST_WAIT_SECONDS)
    assert stage.outcome(request_id) == "canceled"
    assert stage.row(request_id).mail is Mail.NONE
    assert stage.pending_poison.kept == []
    told = [json.loads(r.message) for r in caplog.records if "settings-unusable" in r.message]
    assert told[0]["problems"] == ["NOTIFICATION_SENDER is missing", "B is wrong"]
    stage.poll()
    assert len(stage.mails()) == 1


def test_a_crash_between_deferral_and_its_record_sends_no_second_mail_to_who_has_it(
    stage: Stage,
) -> None:
    stage.mailbox.refuse(B, 451)
    request_id = ended(stage, f"{A},{B}")
    effects = Fate()
    stage.poll(**stage.under(effects))
    assert effects.effects[-1] == "pending.update"
    stage.mailbox.accept_again()
    stage.play_out(request_id)
    assert [mail.recipients for mail in stage.mails()] == [(A,), (B,)]


@pytest.mark.parametrize("name", OutcomeName)
def test_every_outcome_can_be_mailed(stage: Stage, name: OutcomeName) -> None:
    stage.given("cancels-after-202")
    request_id = stage.pend()
    outcome = Outcome(name=name, at=stage.time(), operation_state="w\u00f6rd", message="<b>why</b>")
    stage.ledger.replace(replace(stage.row(request_id), outcome=outcome))
    stage.poll()
    assert stage.mail.message["X-Offer-Cancel-Outcome"] == name.value
    assert len(stage.mail.subject) <= 78
    assert request_id in stage.mail.text


def test_what_was_refused_for_now_may_be_given_up_for_one_and_still_serve_another(
    stage: Stage,
) -> None:
    stage.mailbox.refuse(B, 451)
    request_id = ended(stage, f"{A},{B}")
    stage.poll()
    stage.time.advance(3 * DAY)
    stage.poll()
    assert [mail.recipients for mail in stage.mails()] == [(A,)]
    assert "not sent within 3 days" in stage.poison(stage.pending_poison).reason
    assert stage.row(request_id).emails == ()
