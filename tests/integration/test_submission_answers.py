"""What a cancel call is answered, and what that is worth."""

import contextlib
import json
from datetime import timedelta
from typing import Any

import pytest

from devstack.partner_center import State
from tests.integration.crashes import CrashError, Fate
from tests.integration.parts import policy
from tests.integration.stage import PUBLISHER, REQUESTER, Stage

pytestmark = pytest.mark.integration

REFUSALS = [400, 404, 409, 412, 422]


def refused(status: int, **more: Any) -> list[dict[str, Any]]:
    return [
        {
            "on": ["cancel"],
            "status": status,
            "code": "No",
            "message": "Out of the question.",
            **more,
        }
    ]


def test_the_cancel_call_carries_the_addresses_of_the_request(stage: Stage) -> None:
    stage.given("cancels-after-202")
    stage.ask()
    stage.submit()
    [post] = stage.posts
    assert json.loads(post.body) == {"metadata": {"notification-emails": REQUESTER}}
    assert post.query == "api-version=2017-10-31"


def test_the_cancel_call_of_a_request_without_addresses_carries_none(stage: Stage) -> None:
    stage.given("cancels-after-202")
    stage.ask(metadata=None)
    stage.submit()
    assert json.loads(stage.posts[0].body) == {"metadata": {"notification-emails": ""}}


def test_what_was_taken_goes_on_as_a_pending_cancellation(stage: Stage) -> None:
    stage.given("cancels-after-202")
    request_id = stage.ask(reason="wrong price")
    stage.submit()
    pending, row = stage.pending_now, stage.row(request_id)
    path = f"/api/publishers/{PUBLISHER}/offers/{stage.offer}/operations/{stage.target.id}"
    assert pending.location == f"{path}?api-version=2017-10-31" == row.location
    assert pending.target_operation_id == stage.target.id
    assert (pending.request_id, pending.reason) == (request_id, "wrong price")
    assert pending.notification_emails == (REQUESTER,)
    assert pending.post_sent_at == row.post_sent_at == stage.time()
    assert (pending.outcome, pending.refusal, pending.polls) == (None, None, 0)
    assert stage.pending.only.asked_delay == 10
    assert (row.state, row.post_confirmed_at) == ("pending", stage.time())


@pytest.mark.parametrize(
    "scenario",
    ["location-foreign-host", "location-other-publisher", "location-other-offer", "no-location"],
)
def test_a_location_that_does_not_fit_is_treated_as_absent(stage: Stage, scenario: str) -> None:
    stage.given(scenario)
    request_id = stage.ask()
    stage.submit()
    assert stage.pending_now.location is None
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"


@pytest.mark.parametrize(
    ("scenario", "outcome", "is_at_once"),
    [("cancels-at-once", "canceled", True), ("answers-200-cancels-later", None, False)],
)
def test_a_200_is_believed_only_if_the_target_says_so(
    stage: Stage, scenario: str, outcome: str | None, is_at_once: bool
) -> None:
    stage.given(scenario)
    request_id = stage.ask()
    stage.submit()
    found = stage.pending_now.outcome
    assert (found and found.name.value) == outcome
    assert (stage.pending.only.asked_delay == 0) is is_at_once
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"


def test_a_200_although_the_publish_ended_by_itself_is_pending_and_told_as_it_is(
    stage: Stage,
) -> None:
    stage.given("completes-first", cancel_status=200, location="", ends_after_cancel_seconds=0)
    request_id = stage.ask()
    stage.submit()
    assert stage.pending_now.outcome is None
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "completed-first"


def test_a_token_that_is_refused_is_renewed_once(stage: Stage) -> None:
    stage.given("token-expires-once")
    request_id = stage.ask()
    stage.submit()
    assert [post.status for post in stage.posts] == [401, 202]
    assert stage.row(request_id).attempt == 0


def test_a_token_that_stays_refused_is_waited_for(stage: Stage) -> None:
    stage.given("cancels-after-202", faults=refused(401))
    request_id = stage.ask()
    stage.submit()
    assert [post.status for post in stage.posts] == [401, 401]
    row = stage.row(request_id)
    assert (row.attempt, row.post_sent_at, row.outcome) == (1, None, None)
    assert "401" in row.last_error


def test_if_match_is_sent_only_where_it_is_asked_for(stage: Stage) -> None:
    stage.given("needs-if-match")
    request_id = stage.ask()
    stage.submit()
    assert [post.status for post in stage.posts] == [400, 202]
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"


@pytest.mark.parametrize("status", [400, 403, 404, 412, 422])
def test_a_refusal_of_what_still_runs_rejects_the_request(stage: Stage, status: int) -> None:
    stage.given("cancels-after-202", faults=refused(status))
    request_id = stage.ask()
    row = stage.play_out(request_id)
    assert row.outcome is not None
    assert (row.outcome.name, row.outcome.code) == ("rejected", "No")
    assert row.refusal is not None
    assert row.refusal.status_code == status
    assert row.post_sent_at is None
    assert "Out of the question." in stage.mail.text
    assert len(stage.posts) == 1
    assert stage.target.state is State.RUNNING


def test_a_conflict_rejects_the_request_only_after_five_minutes(stage: Stage) -> None:
    stage.given("cancels-after-202", faults=refused(409))
    request_id = stage.ask()
    stage.submit()
    started = stage.time()
    assert stage.row(request_id).refused_since == started
    assert stage.outcome(request_id) == ""
    row = stage.play_out(request_id)
    assert row.outcome is not None
    assert row.outcome.name == "rejected"
    assert row.outcome.at - started >= timedelta(minutes=5)
    assert stage.posts[-1].time - stage.posts[0].time >= timedelta(minutes=5)


def test_a_conflict_that_passes_is_no_refusal(stage: Stage) -> None:
    stage.given("cancels-after-202", faults=refused(409, for_seconds=240))
    request_id = stage.ask()
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"


@pytest.mark.parametrize("status", REFUSALS)
def test_a_refusal_because_the_publish_has_just_ended_gives_its_end(
    stage: Stage, status: int
) -> None:
    # The simulator's own knob: the publish ends and another starts, before the call arrives.
    stage.given("cancels-after-202", faults=refused(status))
    request_id = stage.ask()

    class EndsBeforeTheCall:
        def __getattr__(self, name: str) -> object:
            if name == "cancel":
                stage.simulator.finish(PUBLISHER, stage.offer, "succeeded")
            return getattr(stage.center, name)

    stage.submit(partner_center=EndsBeforeTheCall)
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "completed-first"


@pytest.mark.parametrize("status", [*REFUSALS, 403])
def test_a_refusal_after_an_answer_was_lost_leaves_it_to_the_target(
    stage: Stage, status: int
) -> None:
    lost = {"on": ["cancel"], "first": 1, "carried_out": True, "drop": True}
    stage.given("cancels-after-202", cancel_seconds=120, faults=[lost, *refused(status, skip=1)])
    request_id = stage.ask()
    stage.submit()
    assert stage.row(request_id).post_sent_at is not None
    stage.time.advance(60)
    stage.submit()
    assert [post.status for post in stage.posts] == [0, status]
    refusal = stage.pending_now.refusal
    assert refusal is not None
    assert refusal.status_code == status
    assert stage.outcome(request_id) == ""
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"


@pytest.mark.parametrize("status", REFUSALS)
def test_a_refusal_after_the_call_of_another_request_leaves_it_to_the_target(
    stage: Stage, status: int
) -> None:
    stage.given("cancels-after-202", cancel_seconds=90, faults=refused(status, skip=1))
    first = stage.ask()
    fate = Fate(2, after=True)  # before the row tells that the call was taken
    with contextlib.suppress(CrashError):
        stage.submission(**stage.under(fate)).handle(stage.received())
    stage.time.advance(60)
    second = stage.ask()
    stage.submit()
    assert [post.status for post in stage.posts] == [202, status]
    assert stage.outcome(second) == ""
    stage.play_out(first)
    stage.play_out(second)
    assert stage.outcome(first) == stage.outcome(second) == "canceled"


def test_a_refusal_after_which_nothing_can_be_read_is_transient(stage: Stage) -> None:
    unreadable = {"on": ["list", "operation", "status"], "skip": 1, "first": 3, "status": 503}
    stage.given("cancels-after-202", faults=[*refused(422), unreadable])
    request_id = stage.ask()
    stage.submit()
    row = stage.row(request_id)
    assert (row.outcome, row.attempt) == (None, 1)
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "rejected"


def test_a_refusal_that_a_crash_keeps_from_the_row_leaves_it_to_the_target(stage: Stage) -> None:
    stage.given("cancels-after-202", faults=refused(422))
    request_id = stage.ask()
    stage.submit_and_die(Fate(3))  # before the intent is taken back
    # As far as the row tells, a call may have arrived.
    row = stage.play_out(request_id, policy=policy(confirm_deadline=timedelta(minutes=2)))
    assert row.outcome is not None
    assert (row.outcome.name, row.outcome.code) == ("unconfirmed", "No")
    assert "Out of the question." in stage.mail.text


def test_what_appeared_around_the_call_and_was_canceled_is_named(stage: Stage) -> None:
    stage.given("newer-before-cancel")
    request_id = stage.ask()
    row = stage.play_out(request_id)
    target, newer = stage.truth()
    assert stage.outcome(request_id) == "completed-first"
    assert row.target_operation_id == target.id
    assert newer.canceled_by_call
    assert row.newer_operations == row.also_canceled == (newer.id,)
    assert newer.id in stage.mail.text
    assert "may also have stopped another publish" in stage.mail.text


def test_what_appeared_after_the_call_and_runs_on_is_not_named(stage: Stage) -> None:
    stage.given("cancels-at-once")
    request_id = stage.ask()

    class StartsAnother:
        def __getattr__(self, name: str) -> object:
            real = getattr(stage.center, name)
            if name != "cancel":
                return real

            def cancel(*given: str) -> object:
                answer = real(*given)
                stage.simulator.publish(PUBLISHER, stage.offer)
                return answer

            return cancel

    stage.submit(partner_center=StartsAnother)
    row = stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"
    assert row.newer_operations == (stage.truth()[1].id,)
    assert row.also_canceled == ()
    assert "another publish" not in stage.mail.text


def test_that_nobody_knows_what_the_call_hit_is_said(stage: Stage) -> None:
    faults = [{"on": ["list"], "skip": 1, "first": 1, "status": 503}]
    stage.given("no-location", faults=faults)
    request_id = stage.ask()
    stage.submit()
    assert stage.row(request_id).newer_operations is None
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"
