"""What is not put back, and what the person on duty is told to do instead."""

import uuid

import pytest
from msgspec.structs import replace

from shared.models import to_json
from shared.record import Mail
from tests.integration.duty import Duty, told_and_poisoned
from tests.integration.stage import Stage

pytestmark = pytest.mark.integration

LONG = {"cancel_seconds": 10**6, "ends_after_seconds": 10**6}


@pytest.fixture
def duty(stage: Stage) -> Duty:
    return Duty(stage)


REFUSED = {"hello": "nothing can mend the message", '{"offerId": "x"}': "Object missing required"}


@pytest.mark.parametrize("text", REFUSED)
def test_what_nothing_can_mend_is_not_put_back(duty: Duty, stage: Stage, text: str) -> None:
    duty.gave_up(text)
    code, said = duty.operate("redrive", "1")
    assert code == 1
    assert REFUSED[text] in " ".join(said.split())
    assert len(stage.requests_poison.adapter.peek(1)) == 1
    assert stage.requests.kept == []


def test_a_request_for_a_misspelt_operation_needs_its_name(duty: Duty, stage: Stage) -> None:
    request_id = duty.poison_request(operationID=str(uuid.uuid4()))
    duty.watch()
    code, said = duty.operate("redrive", "1")
    assert (code, "must be spelled `operationId`" in " ".join(said.split())) == (1, True)
    assert stage.requests.kept == []
    named = str(uuid.uuid4())
    assert duty.operate("redrive", "1", "--operation-id", named)[0] == 0
    assert stage.row(request_id).requested_operation_id == named


def test_a_message_that_was_cut_is_not_put_back(duty: Duty, stage: Stage) -> None:
    duty.poison_request(padding="x" * 70_000)
    assert duty.operate("redrive", "1")[0] == 1
    assert stage.requests.kept == []


def test_nothing_is_put_back_while_its_mail_is_being_sent(duty: Duty, stage: Stage) -> None:
    request_id = duty.poison_request()
    duty.watch()
    row = stage.row(request_id)
    stage.ledger.replace(replace(row, mail=Mail.SENDING, mail_at=stage.time()))
    code, said = duty.operate("redrive", "1")
    assert (code, "being sent" in said) == (1, True)
    stage.time.advance(601)
    assert duty.operate("redrive", "1")[0] == 0
    assert stage.row(request_id).replaces is not None


def test_a_named_operation_is_for_one_record(duty: Duty, stage: Stage) -> None:
    duty.poison_request()
    duty.poison_request()
    code, said = duty.operate("redrive", "1", "2", "--operation-id", str(uuid.uuid4()))
    assert (code, "for one record" in said) == (1, True)
    assert len(stage.requests_poison.adapter.peek(2)) == 2


def test_a_request_with_a_cancel_call_keeps_its_operation(duty: Duty, stage: Stage) -> None:
    request_id = told_and_poisoned(duty)
    row = stage.row(request_id)
    target = str(uuid.uuid4())
    stage.ledger.replace(replace(row, post_sent_at=stage.time(), target_operation_id=target))
    code, said = duty.operate("redrive", "1", "--operation-id", str(uuid.uuid4()))
    assert (code, f"operation {target}" in " ".join(said.split())) == (1, True)
    assert duty.operate("redrive", "1", "--operation-id", target)[0] == 0
    assert stage.row(request_id).target_operation_id == target


def test_a_mail_that_went_out_is_not_sent_again(duty: Duty, stage: Stage) -> None:
    stage.given("cancels-at-once")
    request_id = stage.ask()
    stage.submit_all()
    message = stage.pending_now
    stage.play_out(request_id)
    duty.gave_up(to_json(message), stage.pending_poison)
    code, said = duty.operate("redrive", "1")
    assert (code, "dealt with already" in said) == (1, True)


def test_no_operation_is_named_for_a_pending_cancellation(duty: Duty, stage: Stage) -> None:
    stage.given("cancels-after-202", **LONG)
    stage.pend()
    duty.poison_pending()
    code, said = duty.operate("redrive", "1", "--operation-id", str(uuid.uuid4()))
    assert (code, "not for it" in said) == (1, True)


def test_a_request_that_is_polled_already_is_not_sent_anew(duty: Duty, stage: Stage) -> None:
    stage.given("cancels-after-202", **LONG)
    request_id = stage.pend()
    duty.poison_request(requestId=request_id)
    code, said = duty.operate("redrive", "1")
    assert (code, "being polled already" in said) == (1, True)
