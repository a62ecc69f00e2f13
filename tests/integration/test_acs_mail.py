"""Outcomes mailed by Azure Communication Services: its quota, its delays, and each mail once."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from devstack.communication import AcsTrouble, CommunicationService
from shared.backoff import LONGEST_WAIT_SECONDS
from shared.notification.acs import AcsSender
from shared.notification.acs_resource import AcsResource
from shared.notification.quota import Quota
from shared.outcome_mail import MAX_ASKED_SECONDS, Mailer
from shared.record import Mail
from shared.sweep import LOST_AFTER
from tests.integration.crashes import Fate
from tests.integration.crowd import Crowd
from tests.integration.smtp_sending import A, a_mail
from tests.integration.stage import Stage

pytestmark = pytest.mark.integration

MINUTE, HOUR = 60.0, 3600.0
OF_AZURES_DOMAIN = (5, 10)
LONGEST_JITTER_SECONDS = 15.0


@pytest.fixture
def acs(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[CommunicationService]:
    """A resource on the stage's clock, whose mails land in the stage's mailbox."""
    folder, clock = stage.mailbox.folder, stage.time
    with CommunicationService(
        folder, limits=OF_AZURES_DOMAIN, clock=lambda: clock().timestamp()
    ) as service:
        for name, value in service.identity().items():
            monkeypatch.setenv(name, value)
        yield service


def sender_to(acs: CommunicationService, stage: Stage, quota: Quota | None = None) -> AcsSender:
    resource = AcsResource(endpoint=acs.endpoint, quota=quota or Quota(*OF_AZURES_DOMAIN))
    return AcsSender(resource, clock=stage.time)


def mailing(stage: Stage, sender: Any) -> Callable[[], Mailer]:
    """Every run of this process mails by one sender, as the app does."""
    mailer = stage.mailer(stage.guarded(sender))
    return lambda: mailer


def test_many_outcomes_at_once_never_ask_for_more_than_the_quota(
    stage: Stage, acs: CommunicationService, caplog: pytest.LogCaptureFixture
) -> None:
    crowd, mailer = Crowd(stage), mailing(stage, sender_to(acs, stage))
    asked = crowd.ask_many(23)
    for _ in range(int(3 * HOUR / (5 * MINUTE))):
        stage.poll(mailer=mailer)
        if not stage.pending.kept:
            break
        stage.time.advance(5 * MINUTE)
    assert crowd.are_mailed_once(asked)
    assert {crowd.row(each).mail for each in asked} == {Mail.SENT}
    assert len(acs.calls()) == len(asked)  # each was taken at its first try: none was too much
    assert "quota is used up" in caplog.text
    assert stage.pending_poison.kept == []


def test_a_mail_goes_back_for_as_long_as_the_service_asks(
    stage: Stage, acs: CommunicationService
) -> None:
    crowd, mailer = Crowd(stage), mailing(stage, sender_to(acs, stage))
    acs.suffer(AcsTrouble(status=429, retry_after="600", first=1))
    [asked] = crowd.ask_many(1)
    stage.poll(mailer=mailer)
    delay = stage.pending.only.asked_delay
    assert 600 <= delay <= 600 + LONGEST_JITTER_SECONDS
    assert crowd.row(asked).mail is Mail.NONE
    stage.time.advance(599)
    stage.poll(mailer=mailer)
    assert len(acs.calls()) == 1
    stage.time.advance(1 + LONGEST_JITTER_SECONDS)
    stage.poll(mailer=mailer)
    assert crowd.are_mailed_once()
    assert len(acs.calls()) == 2


def test_while_it_asks_to_wait_no_other_mail_is_tried(
    stage: Stage, acs: CommunicationService
) -> None:
    crowd, mailer = Crowd(stage), mailing(stage, sender_to(acs, stage))
    acs.suffer(AcsTrouble(status=429, retry_after="3600", first=1))
    crowd.ask_many(1)
    stage.poll(mailer=mailer)
    crowd.ask_many(4)
    for _ in range(11):
        stage.poll(mailer=mailer)
        stage.time.advance(5 * MINUTE)
    assert len(acs.calls()) == 1
    delays = [kept.asked_delay for kept in stage.pending.kept]
    assert max(delays) < LOST_AFTER.total_seconds()
    for _ in range(16):
        stage.time.advance(5 * MINUTE)
        stage.poll(mailer=mailer)
    assert crowd.are_mailed_once()


def test_no_wait_is_so_long_that_the_message_is_taken_for_lost() -> None:
    longest = timedelta(seconds=MAX_ASKED_SECONDS + LONGEST_WAIT_SECONDS)
    assert longest < LOST_AFTER


def test_a_quota_that_others_use_up_is_found_out_and_kept_to(
    stage: Stage, acs: CommunicationService
) -> None:
    crowd, plenty = Crowd(stage), Quota(1000, 1000)
    mailer, others = mailing(stage, sender_to(acs, stage, plenty)), sender_to(acs, stage, plenty)
    asked = crowd.ask_many(8)
    for number in range(OF_AZURES_DOMAIN[0]):
        others.send(a_mail(f"Mail {number}"), (A,))
    used_up = len(acs.calls())
    for _ in range(int(3 * HOUR / (5 * MINUTE))):
        stage.poll(mailer=mailer)
        stage.time.advance(5 * MINUTE)
    assert crowd.are_mailed_once(asked)
    refused = len(acs.calls()) - used_up - len(asked)
    assert 1 <= refused <= 8  # as many as were under way, not one for each run


@pytest.mark.parametrize("after", [False, True], ids=["before-the-mail", "after-the-mail"])
def test_a_worker_that_dies_at_the_mail_leads_to_one_mail(
    stage: Stage, acs: CommunicationService, after: bool
) -> None:
    crowd, fate = Crowd(stage), Fate(at=0, after=after)
    asked = crowd.ask_many(1)
    mortal = stage.mailer(fate.over("mail", sender_to(acs, stage)))
    stage.poll(mailer=lambda: mortal)
    assert fate.has_struck
    stage.time.advance(2 * HOUR)
    stage.poll(mailer=mailing(stage, sender_to(acs, stage)))
    assert crowd.are_mailed_once(asked)
    assert len({call.operation_id for call in acs.calls()}) == 1
    assert crowd.row(asked[0]).mail is Mail.SENT


def test_an_answer_that_is_lost_leads_to_one_mail(stage: Stage, acs: CommunicationService) -> None:
    crowd, mailer = Crowd(stage), mailing(stage, sender_to(acs, stage))
    acs.suffer(AcsTrouble(carried_out=True, drop=True, first=1))
    asked = crowd.ask_many(1)
    for _ in range(4):
        stage.poll(mailer=mailer)
        stage.time.advance(MINUTE)
    assert crowd.are_mailed_once(asked)
    assert len(acs.calls()) == 2
    assert crowd.row(asked[0]).mail is Mail.SENT


def test_a_mail_that_the_service_will_never_take_is_put_aside(
    stage: Stage, acs: CommunicationService
) -> None:
    crowd, mailer = Crowd(stage), mailing(stage, sender_to(acs, stage))
    acs.suffer(AcsTrouble(status=400, code="BadRequest", message="no"))
    [asked] = crowd.ask_many(1)
    stage.poll(mailer=mailer)
    assert crowd.row(asked).mail is Mail.FAILED
    assert "400 BadRequest" in stage.poison(stage.pending_poison).reason
    assert len(acs.calls()) == 1
