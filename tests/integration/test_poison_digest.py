"""The digest: one mail for what was poisoned, until it is out, and to nobody but who runs this."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from devstack.mailbox import ReceivedMail
from shared.errors import (
    ConfigurationError,
    MailAnswerLostError,
    MailDeferredError,
    MailRefusedError,
)
from shared.notification.sender import Delivery
from shared.outcome_mail import Mailer
from shared.poison_digest import MOST_LISTED, PoisonDigest
from shared.queues import PENDING_CANCELLATIONS
from tests.integration.crashes import CrashError, Fate
from tests.integration.duty import Duty, records_on
from tests.integration.stage import PUBLISHER, REQUESTER, Stage

pytestmark = pytest.mark.integration

OPERATOR = "on-duty@contoso.com"


@pytest.fixture
def duty(stage: Stage) -> Duty:
    stage.pending_poison.adapter.peek(1)  # creates it
    return Duty(stage)


class Answering:
    """A mail server that does the same every time."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.sends = 0

    def send(self, mail: object, recipients: tuple[str, ...]) -> Delivery:
        self.sends += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return Delivery(**{self.answer: recipients})


def digest_of(duty: Duty, sender: Any = None, **settings: Any) -> PoisonDigest:
    stage = duty.stage
    mailer = stage.mailer(sender, **{"default_emails": (OPERATOR,), **settings})
    return PoisonDigest(shelf=duty.shelf, mailer=lambda: mailer, clock=stage.time)


def digests(stage: Stage) -> list[ReceivedMail]:
    return [mail for mail in stage.mailbox.mails() if mail.subject.startswith("Poison")]


def test_what_was_noticed_in_one_run_is_one_mail(duty: Duty, stage: Stage) -> None:
    stage.given("cancels-after-202", cancel_seconds=10**6, ends_after_seconds=10**6)
    request_id = duty.poison_request("Expected `str`, got `int` - at `$.x`")
    stage.pend()
    pending_id = duty.poison_pending()
    duty.gave_up(f"hello {REQUESTER}")
    duty.watch()
    duty.watch(PENDING_CANCELLATIONS)
    digest = digest_of(duty)
    for _ in range(3):
        digest.run()
        stage.time.advance(60)
    [mail] = digests(stage)
    assert mail.recipients == (OPERATOR,)
    assert mail.subject == "Poison: 3 messages nobody could process"
    for part in (
        f"{PUBLISHER}/{stage.offer}, on cancel-requests",
        f"{PUBLISHER}/{stage.offer}, on pending-cancellations",
        "unreadable, on cancel-requests",
        f"request {request_id}",
        f"request {pending_id}",
        "Expected `str`, got `int` - at `$.x`",
        "1 hour ago",
        "python -m shared.operate show ",
    ):
        assert part in mail.text
    assert REQUESTER not in mail.path.read_text()
    told = records_on(stage.requests_poison) + records_on(stage.pending_poison)
    assert all(record.digested_at for record in told)


def test_told_records_stay_in_sight_and_in_place(duty: Duty, stage: Stage) -> None:
    duty.poison_request()
    duty.watch()
    before = duty.listed()
    digest_of(duty).run()
    assert duty.listed() == before
    assert len(stage.requests_poison.adapter.peek(32)) == 1


def test_what_comes_later_is_told_in_another_mail(duty: Duty, stage: Stage) -> None:
    for number in range(2):
        duty.gave_up(f"number {number}")
        duty.watch()
        digest_of(duty).run()
    first, second = digests(stage)
    assert first.message["Message-ID"] != second.message["Message-ID"]
    assert first.subject == second.subject == "Poison: 1 message nobody could process"


def test_more_than_fit_are_counted_and_all_are_told(duty: Duty, stage: Stage) -> None:
    for number in range(MOST_LISTED + 20):
        duty.gave_up(f"number {number}")
    duty.watch()
    digest_of(duty).run()
    digest_of(duty).run()
    [mail] = digests(stage)
    assert mail.subject == "Poison: 70 messages nobody could process"
    assert "... and 20 more." in mail.text
    assert all(record.digested_at for record in records_on(stage.requests_poison))


def test_what_is_not_noticed_yet_is_not_told(duty: Duty, stage: Stage) -> None:
    duty.gave_up("hello")
    duty.poison_request()
    digest_of(duty).run()
    assert digests(stage) == []


DOWN = [MailDeferredError("no connection"), MailRefusedError("550"), "deferred", "refused"]


@pytest.mark.parametrize("answer", DOWN, ids=str)
def test_it_is_tried_again_later_and_later_until_it_is_sent(
    duty: Duty, stage: Stage, answer: Any
) -> None:
    duty.poison_request()
    duty.watch()
    down = Answering(answer)
    digest = digest_of(duty, down)
    for _ in range(120):
        digest.run()
        stage.time.advance(60)
    assert 5 < down.sends < 40
    assert not any(record.digested_at for record in records_on(stage.requests_poison))
    digest_of(duty).run()
    assert len(digests(stage)) == 1


def test_a_digest_whose_answer_is_lost_is_repeated_twice_at_the_most(
    duty: Duty, stage: Stage
) -> None:
    duty.poison_request()
    duty.watch()
    losing = Answering(MailAnswerLostError("lost"))
    digest = digest_of(duty, losing)
    for _ in range(60):
        digest.run()
        stage.time.advance(60)
    assert losing.sends == 3


def test_nobody_to_tell_leaves_the_records_as_they_are(duty: Duty, stage: Stage) -> None:
    duty.poison_request()
    duty.watch()
    before = stage.requests_poison.kept
    digest_of(duty, default_emails=()).run()
    assert stage.requests_poison.kept == before
    digest_of(duty).run()
    assert len(digests(stage)) == 1


def test_it_waits_for_settings_that_can_be_used(
    duty: Duty, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    def unusable() -> Mailer:
        raise ConfigurationError("Mail", ("NOTIFICATION_SENDER is missing",))

    duty.poison_request()
    duty.watch()
    PoisonDigest(shelf=duty.shelf, mailer=unusable, clock=stage.time).run()
    assert json.loads(caplog.messages[-1])["event"] == "settings-unusable"
    digest_of(duty).run()
    assert len(digests(stage)) == 1


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", [0, 1])
def test_a_digest_that_dies_is_sent_by_the_next(
    duty: Duty, stage: Stage, at: int, after: bool
) -> None:
    duty.poison_request()
    duty.watch()
    fate = Fate(at, after=after)
    under = stage.under(fate)
    sending = under["mailer"]()
    mailer = Mailer(
        stage.mailer(default_emails=(OPERATOR,)).settings,
        sending.sender,
    )
    duty.shelf = type(duty.shelf)({"cancel-requests": under["requests_poison"]})
    with pytest.raises(CrashError):
        PoisonDigest(shelf=duty.shelf, mailer=lambda: mailer, clock=stage.time).run()
    stage.time.advance(600)
    digest = digest_of(duty)
    digest.run()
    digest.run()
    assert len({mail.message["Message-ID"] for mail in digests(stage)}) == 1
    assert 1 <= len(digests(stage)) <= 2
    [record] = records_on(stage.requests_poison)
    assert record.digested_at is not None


def test_a_record_says_when_it_was_told(duty: Duty, stage: Stage) -> None:
    duty.poison_request()
    duty.watch()
    [before] = records_on(stage.requests_poison)
    digest_of(duty).run()
    [told] = records_on(stage.requests_poison)
    assert told == replace(before, digested_at=stage.time())
    assert "in a digest:" in duty.operate("show", "1")[1]
