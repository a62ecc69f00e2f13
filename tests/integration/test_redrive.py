"""Putting poisoned messages back: where they go on, what is refused, and what is mailed then."""

import json
import uuid
from collections.abc import Sequence
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest

from shared.errors import MailAnswerLostError, MailRefusedError
from shared.notification.sender import Delivery
from shared.queues import PENDING_CANCELLATIONS
from shared.record import Mail
from tests.integration.crashes import CrashError, Fate
from tests.integration.duty import Duty, mail_is_out, records_on, told_and_poisoned
from tests.integration.parts import policy
from tests.integration.stage import PUBLISHER, REQUESTER, Stage

pytestmark = pytest.mark.integration

DAY = 24 * 3600
LONG = {"cancel_seconds": 10**6, "ends_after_seconds": 10**6}


@pytest.fixture
def duty(stage: Stage) -> Duty:
    return Duty(stage)


def redrive_and_die(duty: Duty, fate: Fate) -> None:
    """Put the one record back, and die of it."""
    under = duty.stage.under(fate)
    with duty.shelf.opened() as [shelved]:
        shelved.poison = under["requests_poison"]
        with pytest.raises(CrashError):
            duty.redrive(**under).put_back(shelved)


def test_a_request_goes_on_under_its_id_and_its_age(duty: Duty, stage: Stage) -> None:
    stage.given("cancels-at-once", ends_after_seconds=DAY)
    stage.time.advance(7300)
    asked_at = stage.time() - timedelta(hours=2)
    request_id = told_and_poisoned(duty, requestedAt=asked_at.isoformat())
    code, text = duty.operate("redrive", "1")
    assert code == 0
    assert text.endswith("1 put back, 0 not.\n")
    assert stage.requests_poison.kept == []
    [message] = stage.requests.members
    assert message["requestId"] == request_id
    stage.play_out(request_id)
    row = stage.row(request_id)
    assert (row.requested_at, row.outcome and row.outcome.name) == (asked_at, "canceled")
    assert "redriven" in [step.step for step in row.history]


def test_the_second_mail_says_that_it_replaces_the_first(duty: Duty, stage: Stage) -> None:
    stage.given("cancels-at-once")
    request_id = told_and_poisoned(duty)
    duty.operate("redrive", request_id)
    stage.play_out(request_id)
    first, second = stage.mails()
    assert "NOT KNOWN" in first.subject
    assert "replaces" not in first.text
    assert second.subject.startswith("Canceled")
    assert second.recipients == (REQUESTER,)
    words = " ".join(second.text.split())
    assert "This replaces the mail of " in words
    assert "about the same request, which said that the end was not known." in words
    assert first.message["Message-ID"] != second.message["Message-ID"]


def test_a_mail_of_which_nobody_heard_is_replaced_as_well(duty: Duty, stage: Stage) -> None:
    class HangingUp:
        """A mail server whose yes does not come through."""

        def send(self, mail: EmailMessage, recipients: Sequence[str]) -> Delivery:
            stage.smtp_sender.send(mail, recipients)
            raise MailAnswerLostError("the mail server hung up")

    stage.given("cancels-at-once")
    request_id = duty.poison_request()
    duty.watch()
    hanging_up = stage.mailer(HangingUp())
    stage.poll(mailer=lambda: hanging_up)
    assert stage.row(request_id).mail is Mail.NONE
    duty.operate("redrive", request_id)
    stage.play_out(request_id)
    first, second = stage.mails()
    assert "NOT KNOWN" in first.subject
    assert second.subject.startswith("Canceled")
    assert "replaces" in second.text


def test_a_second_unconfirmed_mail_is_no_copy_of_the_first(duty: Duty, stage: Stage) -> None:
    request_id = told_and_poisoned(duty)
    duty.operate("redrive", "1")
    stage.requests.adapter.delete(stage.received())
    duty.poison_request(requestId=request_id)
    duty.watch()
    mail_is_out(stage)
    first, second = stage.mails()
    assert first.message["Message-ID"] != second.message["Message-ID"]
    assert "replaces" in second.text


def test_who_was_not_mailed_yet_gets_one_mail_only(duty: Duty, stage: Stage) -> None:
    stage.given("cancels-at-once")
    request_id = duty.poison_request()
    duty.watch()
    assert len(stage.pending.kept) == 1
    assert duty.operate("redrive", "1")[0] == 0
    stage.play_out(request_id)
    stage.play_after()
    assert stage.mail.subject.startswith("Canceled")
    assert "replaces" not in stage.mail.text
    assert stage.pending.kept == []


def test_a_request_that_was_never_noticed_goes_on_as_if_nothing_was(
    duty: Duty, stage: Stage
) -> None:
    stage.given("cancels-at-once")
    duty.gave_up(duty.request_text(requestId=None))
    [record] = duty.listed()
    assert duty.operate("redrive", "1")[0] == 0
    assert stage.play_out(record["requestId"]).mail is Mail.SENT
    assert stage.mail.subject.startswith("Canceled")


def test_old_twins_of_a_redriven_request_are_dropped(duty: Duty, stage: Stage) -> None:
    stage.given("cancels-at-once")
    request_id = told_and_poisoned(duty)
    stage.requests.adapter.put(duty.request_text(requestId=request_id))
    duty.operate("redrive", "1")
    stage.submit_all()
    stage.play_out(request_id)
    stage.play_after()
    assert len(stage.mails()) == 2
    assert len(stage.posts) == 1


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(3))
def test_a_redrive_that_dies_can_be_done_again(
    duty: Duty, stage: Stage, at: int, after: bool
) -> None:
    stage.given("cancels-at-once")
    request_id = told_and_poisoned(duty)
    fate = Fate(at, after=after)
    redrive_and_die(duty, fate)
    assert fate.has_struck
    stage.time.advance(600)
    assert duty.operate("redrive", "--count", "1")[0] == 0
    stage.play_out(request_id)
    stage.play_after()
    assert stage.outcome(request_id) == "canceled"
    assert len(stage.mails()) == 2
    assert stage.requests_poison.kept == []


def test_what_ended_meanwhile_is_not_put_back(duty: Duty, stage: Stage) -> None:
    stage.given("cancels-at-once")
    request_id = told_and_poisoned(duty)
    fate = Fate(2)
    redrive_and_die(duty, fate)
    stage.play_out(request_id)
    code, text = duty.operate("redrive", request_id)
    assert code == 1
    assert "has ended as canceled" in " ".join(text.split())
    assert len(stage.requests_poison.kept) == 1
    assert stage.outcome(request_id) == "canceled"


def test_a_request_past_its_time_to_live_needs_an_operation(duty: Duty, stage: Stage) -> None:
    stage.given("cancels-at-once", ends_after_seconds=10**6)
    request_id = told_and_poisoned(duty)
    stage.time.advance(DAY)
    code, said = duty.operate("redrive", "1")
    assert code == 1
    assert "--operation-id GUID" in " ".join(said.split())
    assert stage.requests.kept == []
    age = stage.row(request_id).requested_at
    target = stage.target.id
    assert duty.operate("redrive", "1", "--operation-id", target.upper())[0] == 0
    [message] = stage.requests.members
    assert message["operationId"] == target
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"
    assert stage.row(request_id).requested_at == age


def test_an_operation_that_is_named_is_the_only_one_that_is_canceled(
    duty: Duty, stage: Stage
) -> None:
    stage.given("cancels-at-once", ends_after_seconds=10**6)
    request_id = told_and_poisoned(duty)
    stage.time.advance(DAY)
    assert duty.operate("redrive", "1", "--operation-id", str(uuid.uuid4()))[0] == 0
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "rejected"
    assert stage.posts == []


def test_the_oldest_go_first_as_many_and_as_fast_as_asked(duty: Duty, stage: Stage) -> None:
    asked = []
    for _ in range(5):
        asked.append(duty.poison_request())
        stage.time.advance(1)
    code, text = duty.operate("redrive", "--count", "3", "--rate", "30")
    assert (code, duty.slept) == (0, [2.0, 2.0])
    assert text.endswith("3 put back, 0 not.\n")
    assert [message["requestId"] for message in stage.requests.members] == asked[:3]
    assert [each["requestId"] for each in duty.listed()] == asked[3:]


def test_a_slow_redrive_keeps_its_records_in_hand(duty: Duty, stage: Stage) -> None:
    for _ in range(3):
        duty.poison_request()

    class Sleeping(list[float]):
        """Time passes; a watch comes along."""

        def append(self, seconds: float) -> None:
            stage.time.advance(seconds * 2)
            duty.watch()

    duty.slept = Sleeping()
    assert duty.operate("redrive", "--count", "9", "--rate", "1")[0] == 0
    assert len({message["requestId"] for message in stage.requests.members}) == 3
    assert stage.pending.kept == []


def test_a_pending_cancellation_is_polled_once_more(duty: Duty, stage: Stage) -> None:
    stage.given("cancels-after-202", **LONG)
    request_id = stage.pend()
    duty.poison_pending()
    duty.watch(PENDING_CANCELLATIONS)
    mail_is_out(stage)
    stage.simulator.finish(PUBLISHER, stage.offer, "canceled")
    assert duty.operate("redrive", "1", "--queue", PENDING_CANCELLATIONS)[0] == 0
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"
    first, second = stage.mails()
    assert "NOT KNOWN" in first.subject
    assert "replaces" in second.text
    assert second.recipients == (REQUESTER,)


def test_a_mail_that_was_refused_for_good_is_sent_again(duty: Duty, stage: Stage) -> None:
    class Refusing:
        """A mail server that wants none of it."""

        def send(self, mail: object, recipients: object) -> Any:
            raise MailRefusedError("550 no")

    stage.given("cancels-at-once")
    request_id = stage.ask()
    refusing = stage.mailer(Refusing())
    stage.play_out(request_id, mailer=lambda: refusing)
    duty.watch(PENDING_CANCELLATIONS)
    assert stage.row(request_id).mail is Mail.FAILED
    stage.time.advance(3 * DAY)  # an outcome is true however old it is
    assert duty.operate("redrive", "1")[0] == 0
    stage.play_out(request_id)
    assert stage.mail.subject.startswith("Canceled")
    assert "replaces" not in stage.mail.text
    assert (stage.pending.kept, stage.pending_poison.kept) == ([], [])


def test_a_publisher_that_is_served_now_is_served(duty: Duty, stage: Stage) -> None:
    stage.given("cancels-at-once")
    closed = policy(allowed_publishers=frozenset({"fabrikam"}))
    request_id = stage.ask()
    stage.submit_all(policy=closed)
    duty.watch()
    mail_is_out(stage)
    assert duty.operate("redrive", request_id)[0] == 0
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"


def test_the_record_of_what_was_put_back_is_gone(duty: Duty, stage: Stage) -> None:
    duty.poison_request()
    duty.operate("redrive", "1")
    assert records_on(stage.requests_poison) == []
    assert duty.listed() == []
    assert json.loads(duty.operate("list", "--json")[1]) == []


def test_the_mail_that_it_is_not_yet_canceled_replaces_as_well(duty: Duty, stage: Stage) -> None:
    told_and_poisoned(duty, requestedAt=stage.ago(3600))
    duty.operate("redrive", "1")
    stage.sweep()
    first, second = stage.mails()
    assert "NOT KNOWN" in first.subject
    assert second.subject.startswith("NOT YET CANCELED")
    assert "This replaces the mail of " in second.text
