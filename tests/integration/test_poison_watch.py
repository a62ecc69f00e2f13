"""What happens to poison without anybody doing anything: noticed, kept, and told once."""

import base64
import json
import logging
import uuid
from datetime import timedelta

import pytest
from msgspec.structs import replace

from shared.models import Outcome, OutcomeName, to_json
from shared.poison import put_poison
from shared.queues import PENDING_CANCELLATIONS
from shared.record import Mail, State
from shared.telemetry import LOGGER_NAME
from tests.integration.crashes import CrashError, Fate
from tests.integration.duty import Duty, mail_is_out, records_on
from tests.integration.stage import REQUESTER, Stage

pytestmark = pytest.mark.integration


@pytest.fixture
def duty(stage: Stage) -> Duty:
    return Duty(stage)


def test_the_hosts_copy_is_written_anew_to_stay(duty: Duty, stage: Stage) -> None:
    duty.gave_up(duty.request_text())
    duty.watch()
    [record] = records_on(stage.requests_poison)
    assert record.noticed_at == stage.time()
    assert "Functions host" in record.reason
    [peeked] = stage.requests_poison.client.peek_messages(1)
    assert peeked.expires_on is not None
    assert peeked.expires_on.year == 9999


@pytest.mark.parametrize("encoding", ["plain", "base64"])
def test_who_asked_is_told_once_that_nothing_is_known(
    duty: Duty, stage: Stage, encoding: str
) -> None:

    text = duty.request_text(requestedAt=stage.ago(600))
    request_id = json.loads(text)["requestId"]
    duty.gave_up(text if encoding == "plain" else base64.b64encode(text.encode()).decode())
    for _ in range(3):
        duty.watch()
        mail_is_out(stage)
    assert stage.outcome(request_id) == "unconfirmed"
    assert stage.mail.recipients == (REQUESTER,)
    assert "NOT KNOWN" in stage.mail.subject
    assert "the Functions host gave up on it" in stage.mail.text
    assert len(records_on(stage.requests_poison)) == 1
    assert stage.row(request_id).requested_at == stage.time() - timedelta(seconds=600 + 9 * 16)


def test_a_message_without_an_id_is_told_by_that_of_its_record(duty: Duty, stage: Stage) -> None:
    duty.gave_up(duty.request_text(requestId=None))
    duty.watch()
    mail_is_out(stage)
    [record] = records_on(stage.requests_poison)
    assert stage.outcome(record.request_id) == "unconfirmed"
    assert len(stage.mails()) == 1


@pytest.mark.parametrize("text", ["hello", "{}", '{"publisherId": "contoso"}', "[1]", "e30="])
def test_what_nobody_can_read_is_only_logged_and_kept(
    duty: Duty, stage: Stage, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, LOGGER_NAME)
    duty.gave_up(text)
    duty.watch()
    [record] = records_on(stage.requests_poison)
    assert (record.message, record.noticed_at) == (text, stage.time())
    assert stage.pending.kept == []
    [line] = [json.loads(m) for m in caplog.messages if "poison-noticed" in m]
    assert (line["level"], line["queue"]) == ("error", "cancel-requests")


def test_what_is_noticed_stays_in_sight_and_is_left_alone(
    duty: Duty, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    duty.gave_up("hello")
    duty.watch()
    before = stage.requests_poison.kept
    caplog.clear()
    duty.watch()
    assert stage.requests_poison.kept == before
    assert [json.loads(text)["message"] for text in stage.requests_poison.adapter.peek(32)] == [
        "hello"
    ]
    assert not caplog.messages


def test_all_are_noticed_of_more_than_one_page(duty: Duty, stage: Stage) -> None:
    for number in range(70):
        duty.gave_up(f"number {number}")
    duty.watch()
    duty.gave_up("one more")
    duty.watch()
    records = records_on(stage.requests_poison)
    assert len({record.message for record in records}) == len(records) == 71
    assert all(record.noticed_at for record in records)
    assert len(stage.requests_poison.adapter.receive(32, 1)) == 32


def test_two_watches_at_once_tell_and_keep_one(duty: Duty, stage: Stage) -> None:
    duty.gave_up(duty.request_text())

    class Twice:
        """The other watch runs when this one has received."""

        def __init__(self) -> None:
            self.has_run = False

        def receive(self, most: int, lease_seconds: float) -> object:
            received = stage.requests_poison.adapter.receive(most, lease_seconds)
            if not self.has_run:
                self.has_run = True
                duty.watch()
            return received

        def __getattr__(self, name: str) -> object:
            return getattr(stage.requests_poison.adapter, name)

    duty.watch(requests_poison=Twice())
    mail_is_out(stage)
    assert len(records_on(stage.requests_poison)) == 1
    assert len(stage.mails()) == 1


def test_a_watch_whose_lease_was_lost_adds_no_second_mail(duty: Duty, stage: Stage) -> None:
    duty.gave_up(duty.request_text())

    class Slow:
        """Everything takes longer than the lease, and another watch comes along."""

        def put(self, text: str, delay_seconds: float = 0) -> None:
            stage.time.advance(120)
            duty.watch()
            stage.requests_poison.adapter.put(text, delay_seconds)

        def __getattr__(self, name: str) -> object:
            return getattr(stage.requests_poison.adapter, name)

    duty.watch(requests_poison=Slow())
    duty.watch()
    mail_is_out(stage)
    assert len(stage.mails()) == 1
    assert all(record.noticed_at for record in records_on(stage.requests_poison))


def test_a_request_that_has_ended_is_told_nothing_more(duty: Duty, stage: Stage) -> None:
    stage.given("cancels-at-once")
    request_id = stage.ask()
    stage.play_out(request_id)
    duty.gave_up(duty.request_text(requestId=request_id))
    duty.watch()
    mail_is_out(stage)
    assert stage.outcome(request_id) == "canceled"
    assert len(stage.mails()) == 1


def test_the_poison_of_a_twin_ends_no_request_that_is_followed(duty: Duty, stage: Stage) -> None:
    stage.given("cancels-after-202")
    request_id = stage.pend()
    duty.gave_up(duty.request_text(requestId=request_id))
    duty.watch()
    assert stage.outcome(request_id) == ""
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"
    assert len(stage.mails()) == 1


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"])
def test_a_time_that_nobody_can_mean_keeps_no_other_requester_waiting(
    duty: Duty, stage: Stage, at: str
) -> None:
    duty.gave_up(duty.request_text(requestedAt=at))
    text = duty.request_text()
    duty.gave_up(text)
    duty.watch()
    mail_is_out(stage)
    assert stage.outcome(json.loads(text)["requestId"]) == "unconfirmed"
    assert len(stage.mails()) == 2


def test_a_pending_cancellation_ends_as_unconfirmed_with_what_was_seen(
    duty: Duty, stage: Stage
) -> None:
    stage.given("cancels-after-202", cancel_seconds=10**6, ends_after_seconds=10**6)
    stage.pend()
    stage.poll()
    request_id = duty.poison_pending()
    duty.watch(PENDING_CANCELLATIONS)
    mail_is_out(stage)
    row = stage.row(request_id)
    assert row.outcome is not None
    assert (row.outcome.name, row.outcome.operation_state) == (OutcomeName.UNCONFIRMED, "running")
    assert "it ended its worker 6 times" in stage.mail.text


def test_an_end_that_was_found_already_is_what_is_told(duty: Duty, stage: Stage) -> None:
    stage.given("cancels-after-202", cancel_seconds=10**6, ends_after_seconds=10**6)
    request_id = stage.pend()
    stage.time.advance(60)
    [message] = stage.pending.adapter.receive(1, 60)
    found = Outcome(name=OutcomeName.CANCELED, at=stage.time(), operation_state="canceled")
    ended = stage.pending.adapter.update(
        message, to_json(replace(stage.pending_now, outcome=found)), 60
    )
    put_poison(stage.pending_poison.adapter, ended, "it ended its worker 6 times")
    stage.pending.adapter.delete(ended)
    duty.watch(PENDING_CANCELLATIONS)
    mail_is_out(stage)
    assert stage.outcome(request_id) == "canceled"
    assert stage.mail.subject.startswith("Canceled")


def test_a_pending_cancellation_whose_row_was_lost_is_told(duty: Duty, stage: Stage) -> None:
    stage.given("cancels-after-202", cancel_seconds=10**6, ends_after_seconds=10**6)
    stage.pend()
    request_id = duty.poison_pending()
    stage.table.delete_table()
    stage.table.create_table()
    duty.watch(PENDING_CANCELLATIONS)
    mail_is_out(stage)
    assert stage.outcome(request_id) == "unconfirmed"
    assert stage.mail.recipients == (REQUESTER,)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(5))
def test_a_watch_that_dies_anywhere_loses_nothing(
    duty: Duty, stage: Stage, at: int, after: bool
) -> None:
    text = duty.request_text()
    request_id = json.loads(text)["requestId"]
    duty.gave_up(text)
    fate = Fate(at, after=after)
    with pytest.raises(CrashError):
        duty.watch(**stage.under(fate))
    assert fate.has_struck
    stage.time.advance(600)
    duty.watch()
    mail_is_out(stage)
    row = stage.row(request_id)
    assert (row.state, row.mail) == (State.ENDED, Mail.SENT)
    assert len(stage.mails()) == 1
    records = records_on(stage.requests_poison)
    assert {record.message for record in records} == {text}
    assert all(record.noticed_at for record in records)


def test_ids_are_those_that_the_requester_knows(duty: Duty, stage: Stage) -> None:
    request_id = str(uuid.uuid4())
    duty.poison_request(requestId=request_id.upper())
    duty.watch()
    assert stage.outcome(request_id) == "unconfirmed"
