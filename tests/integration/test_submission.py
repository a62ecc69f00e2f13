"""What a request comes to: the subject and what it is doing decide, before anything is sent."""

import uuid
from datetime import timedelta

import pytest

from devstack.partner_center import State
from tests.integration.parts import policy
from tests.integration.stage import PUBLISHER, Stage

pytestmark = pytest.mark.integration

ENDINGS = [
    ("canceled", "canceled"),
    ("succeeded", "completed-first"),
    ("failed", "failed-first"),
]
LIST_IS_GONE = [{"on": ["list"], "status": 404, "code": "NotFound", "message": "No such resource."}]


def test_what_runs_is_canceled_and_its_true_end_is_mailed(stage: Stage) -> None:
    stage.given("cancels-after-202")
    request_id = stage.ask(reason="wrong price")
    row = stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"
    assert row.target_operation_id == stage.target.id
    assert stage.target.canceled_by_call
    assert len(stage.posts) == 1
    assert stage.mail.subject.startswith("Canceled")
    assert "wrong price" in stage.mail.text
    assert stage.requests.kept == stage.pending.kept == []


def test_what_started_after_the_request_is_left_alone(stage: Stage) -> None:
    stage.given("cancels-after-202")
    request_id = stage.ask(requestedAt=stage.ago(600))
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "superseded"
    assert stage.posts == []
    assert stage.target.state is State.RUNNING
    assert stage.row(request_id).target_operation_id == stage.target.id


@pytest.mark.parametrize("scenario", ["clock-ahead", "clock-behind", "times-without-zone"])
def test_a_start_is_compared_on_one_clock(stage: Stage, scenario: str) -> None:
    stage.given(scenario)
    early, late = stage.ask(requestedAt=stage.ago(90)), stage.ask(requestedAt=stage.ago(30))
    stage.submit_all()
    assert stage.outcome(early) == "superseded"
    assert stage.row(late).post_confirmed_at is not None


@pytest.mark.parametrize(("asked_before", "is_sent"), [(1, True), (3, True), (8, False)])
def test_a_start_within_the_tolerance_is_not_after_the_request(
    stage: Stage, asked_before: float, is_sent: bool
) -> None:
    stage.given("cancels-after-202", started_seconds_ago=60)
    stage.ask(requestedAt=stage.ago(60 + asked_before))
    stage.submit()
    assert len(stage.posts) == is_sent


def test_a_start_that_nobody_knows_is_not_after_the_request(stage: Stage) -> None:
    stage.given("sampled-fields-only")
    request_id = stage.ask(requestedAt=stage.ago(600))
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"


def test_what_started_after_the_request_is_canceled_if_it_was_named(stage: Stage) -> None:
    stage.given("cancels-after-202")
    request_id = stage.ask(requestedAt=stage.ago(600), operationId=stage.target.id.upper())
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"


@pytest.mark.parametrize(("state", "outcome"), ENDINGS)
def test_what_ended_after_the_request_gives_the_outcome(
    stage: Stage, state: str, outcome: str
) -> None:
    stage.given("cancels-after-202")
    request_id = stage.ask()
    stage.time.advance(20)
    stage.simulator.finish(PUBLISHER, stage.offer, state)
    stage.time.advance(20)
    stage.play_out(request_id)
    assert stage.outcome(request_id) == outcome
    assert stage.posts == []
    assert stage.row(request_id).target_operation_id == stage.target.id


@pytest.mark.parametrize("past", ["canceled", "succeeded", "failed"])
def test_what_ended_before_the_request_was_not_meant(stage: Stage, past: str) -> None:
    stage.given("idle-but-202", past=past)
    request_id = stage.ask()
    row = stage.play_out(request_id)
    assert stage.outcome(request_id) == "nothing-to-cancel"
    assert stage.posts == []
    assert row.outcome is not None
    assert row.outcome.operation_state == past
    assert past in stage.mail.text


def test_nothing_is_said_to_run_only_after_a_second_look(stage: Stage) -> None:
    stage.given("never-published")
    request_id = stage.ask()
    stage.submit()
    assert stage.requests.only.asked_delay == 45
    assert stage.outcome(request_id) == ""
    assert [call.path.rsplit("/", 1)[1] for call in stage.calls()] == ["submissions", "status"]
    stage.time.advance(45)
    stage.submit()
    assert stage.outcome(request_id) == "nothing-to-cancel"


def test_a_publish_that_shows_up_at_the_second_look_is_canceled(stage: Stage) -> None:
    stage.given("list-lags-behind-past", list_lag_seconds=30)
    request_id = stage.ask(requestedAt=stage.ago(1))
    stage.submit()
    assert stage.posts == []
    assert stage.requests.only.asked_delay == 45
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"
    assert stage.truth()[-1].canceled_by_call


def test_an_old_request_needs_no_second_look(stage: Stage) -> None:
    stage.given("never-published")
    request_id = stage.ask(requestedAt=stage.ago(121))
    stage.submit()
    assert stage.outcome(request_id) == "nothing-to-cancel"


def test_a_list_that_shows_nothing_is_not_believed_against_the_status(stage: Stage) -> None:
    stage.given("cancels-after-202", list_words={"running": "succeeded"})
    request_id = stage.ask(requestedAt=stage.ago(1))
    stage.submit()
    assert stage.outcome(request_id) == ""
    assert stage.posts == []
    assert "running" in stage.row(request_id).last_error
    row = stage.play_out(request_id, policy=policy(request_ttl=timedelta(minutes=10)))
    assert stage.outcome(request_id) == "expired"
    assert row.outcome is not None
    assert "the offer's status says running" in row.outcome.message
    assert stage.posts == []


def test_a_list_that_shows_something_is_believed_against_the_status(stage: Stage) -> None:
    stage.given("cancels-after-202", status_words={"running": "succeeded"})
    request_id = stage.ask()
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"


@pytest.mark.parametrize(("state", "outcome"), ENDINGS)
def test_an_operation_that_was_named_gives_the_outcome_whenever_it_ended(
    stage: Stage, state: str, outcome: str
) -> None:
    stage.given("cancels-after-202", past=state)
    named, running = stage.truth()
    request_id = stage.ask(operationId=named.id)
    stage.play_out(request_id)
    assert stage.outcome(request_id) == outcome
    assert stage.posts == []
    assert stage.truth_of(running.id).state is State.RUNNING


def test_an_unknown_operation_is_waited_for_and_then_rejected(stage: Stage) -> None:
    stage.given("cancels-after-202")
    request_id = stage.ask(operationId=str(uuid.uuid4()))
    stage.submit()
    assert "not known yet" in stage.row(request_id).last_error
    row = stage.play_out(request_id)
    assert row.outcome is not None
    assert (row.outcome.name, row.outcome.code) == ("rejected", "OperationNotFound")
    assert row.outcome.at - row.requested_at >= timedelta(minutes=2)
    assert stage.posts == []
    assert stage.target.state is State.RUNNING


def test_an_operation_that_only_the_list_knows_is_found_there(stage: Stage) -> None:
    faults = [{"on": ["operation"], "first": 1, "status": 404, "code": "NotFound"}]
    stage.given("cancels-after-202", faults=faults)
    request_id = stage.ask(operationId=stage.target.id)
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"


def test_a_target_that_ended_is_not_replaced_by_what_runs_now(stage: Stage) -> None:
    stage.given("answer-lost", faults=[{"on": ["cancel"], "first": 1, "drop": True}])
    request_id = stage.ask()
    stage.submit()
    target = stage.row(request_id).target_operation_id
    stage.simulator.finish(PUBLISHER, stage.offer, "succeeded")
    newer = stage.simulator.publish(PUBLISHER, stage.offer)
    row = stage.play_out(request_id)
    assert (row.target_operation_id, stage.outcome(request_id)) == (target, "completed-first")
    assert stage.truth_of(newer).state is State.RUNNING
    assert len(stage.posts) == 1


@pytest.mark.parametrize("status", [400, 404, 405, 410])
def test_without_a_list_the_status_decides_what_runs(stage: Stage, status: int) -> None:
    stage.given("no-location", faults=[{**LIST_IS_GONE[0], "status": status}])
    request_id = stage.ask()
    row = stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"
    assert row.target_operation_id is None
    assert len(stage.posts) == 1


def test_without_a_list_an_idle_offer_has_nothing_to_cancel(stage: Stage) -> None:
    stage.given("idle-but-202", faults=LIST_IS_GONE)
    request_id = stage.ask()
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "nothing-to-cancel"
    assert stage.posts == []


def test_without_a_list_an_operation_that_was_named_is_canceled(stage: Stage) -> None:
    stage.given("cancels-after-202", faults=LIST_IS_GONE)
    request_id = stage.ask(operationId=stage.target.id)
    row = stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"
    assert row.target_operation_id == stage.target.id


def test_an_offer_that_nobody_knows_is_rejected(stage: Stage) -> None:
    stage.simulator.create_offer(PUBLISHER, "another-offer", "cancels-after-202")
    request_id = stage.ask()
    row = stage.play_out(request_id)
    assert row.outcome is not None
    assert (row.outcome.name, row.outcome.code) == ("rejected", "NotFound")
    assert row.refusal is not None
    assert row.refusal.status_code == 404
    assert stage.posts == []


def test_a_publisher_that_gives_no_access_is_rejected(stage: Stage) -> None:
    request_id = stage.ask(publisherId="stranger")
    stage.submit()
    row = stage.ledger.get("stranger", stage.offer, request_id)
    assert row is not None
    assert row.outcome is not None
    assert (row.outcome.name, row.outcome.code) == ("rejected", "Forbidden")


def test_the_publisher_is_sent_as_given_and_keyed_in_lower_case(stage: Stage) -> None:
    stage.simulator.create_offer("Contoso", stage.offer, "cancels-after-202")
    request_id = stage.ask(publisherId="CoNtOsO")
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"
    assert {call.path.split("/")[3] for call in stage.posts} == {"CoNtOsO"}
