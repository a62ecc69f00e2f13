"""The guard: whatever comes twice, late or after a crash, one request is carried out once."""

import json
import uuid

import pytest
from msgspec.structs import replace

from devstack.partner_center import State
from shared.errors import StorageUnavailableError
from shared.models import Outcome, OutcomeName
from tests.integration.crashes import Fate
from tests.integration.stage import PUBLISHER, Stage

pytestmark = pytest.mark.integration

SENDING = ["row.insert", "row.replace", "center.cancel", "pending.put", "row.replace"]
WAITING = ["row.insert", "requests.put", "row.replace"]
ENDING = ["row.insert", "row.replace", "pending.put", "row.replace"]


def crash_points(effects: list[str]) -> pytest.MarkDecorator:
    points = [
        pytest.param(number, after, id=f"{'after' if after else 'before'}-{number + 1}-{effect}")
        for number, effect in enumerate(effects)
        for after in (False, True)
    ]
    return pytest.mark.parametrize(("at", "after"), points)


@pytest.mark.parametrize(
    ("scenario", "effects"),
    [("cancels-after-202", SENDING), ("unavailable-503", WAITING), ("fails-first", SENDING)],
)
def test_the_crash_points_are_all_there_are(
    stage: Stage, scenario: str, effects: list[str]
) -> None:
    stage.given(scenario)
    stage.ask()
    fate = Fate()
    stage.submit(**stage.under(fate))
    assert fate.effects == effects


def test_the_crash_points_of_a_request_that_ends_at_once_are_all_there_are(stage: Stage) -> None:
    stage.given("never-published")
    stage.ask(requestedAt=stage.ago(300))
    fate = Fate()
    stage.submit(**stage.under(fate))
    assert fate.effects == ENDING


@crash_points(SENDING)
def test_a_crash_while_sending_loses_nothing_and_mails_once(
    stage: Stage, at: int, after: bool
) -> None:
    stage.given("cancels-after-202")
    request_id = stage.ask()
    stage.submit_and_die(Fate(at, after=after))
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"
    assert stage.target.canceled_by_call
    assert len(stage.posts) == 1
    assert "canceled" in stage.mail.message["X-Offer-Cancel-Outcome"]
    stage.play_after()
    assert stage.requests.kept == stage.pending.kept == []
    assert len(stage.mails()) == 1


@crash_points(WAITING)
def test_a_crash_while_putting_back_loses_nothing_and_mails_once(
    stage: Stage, at: int, after: bool
) -> None:
    stage.given("unavailable-503")
    request_id = stage.ask()
    stage.submit_and_die(Fate(at, after=after))
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"
    assert len(stage.posts) <= 1
    stage.play_after()
    assert stage.requests.kept == stage.pending.kept == []
    assert len(stage.mails()) == 1


@crash_points(ENDING)
def test_a_crash_while_ending_loses_nothing_and_mails_once(
    stage: Stage, at: int, after: bool
) -> None:
    stage.given("idle-but-202")
    request_id = stage.ask(requestedAt=stage.ago(300))
    stage.submit_and_die(Fate(at, after=after))
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "nothing-to-cancel"
    stage.play_after()
    assert stage.requests.kept == stage.pending.kept == []
    assert len(stage.mails()) == 1


@pytest.mark.parametrize("at", [0, 1, 3])
def test_storage_that_fails_while_sending_brings_the_message_again(stage: Stage, at: int) -> None:
    stage.given("cancels-after-202")
    request_id = stage.ask()
    fate = Fate(at, error=lambda: StorageUnavailableError("down"))
    with pytest.raises(StorageUnavailableError):
        stage.submission(**stage.under(fate)).handle(stage.received())
    stage.time.advance(600)
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"
    assert len(stage.posts) == 1


def test_a_row_that_cannot_be_marked_does_not_bring_the_message_again(stage: Stage) -> None:
    stage.given("cancels-after-202")
    request_id = stage.ask()
    fate = Fate(4, error=lambda: StorageUnavailableError("down"))
    stage.submission(**stage.under(fate)).handle(stage.received())
    assert len(stage.pending.kept) == 1
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"
    assert len(stage.posts) == len(stage.mails()) == 1


def test_a_message_delivered_again_after_it_was_carried_out_changes_nothing(
    stage: Stage,
) -> None:
    stage.given("cancels-after-202")
    request_id = stage.ask()
    message = stage.received()
    stage.submission().handle(message)
    row = stage.row(request_id)
    stage.submission().handle(message)
    assert len(stage.posts) == len(stage.pending.kept) == 1
    assert stage.row(request_id) == row
    stage.play_out(request_id)
    row = stage.row(request_id)
    stage.submission().handle(message)
    assert stage.row(request_id) == row
    assert stage.pending.kept == []
    assert len(stage.mails()) == 1


def test_the_same_request_put_twice_is_one(stage: Stage) -> None:
    stage.given("cancels-after-202")
    request_id = stage.ask()
    stage.ask(requestId=request_id.upper())
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"
    assert len(stage.posts) == len(stage.mails()) == 1


def test_two_requests_for_one_publish_both_end_with_what_is_true(stage: Stage) -> None:
    stage.given("cancels-after-202")
    first, second = stage.ask(), stage.ask()
    stage.submit_all()
    stage.play_out(first)
    stage.play_out(second)
    assert stage.outcome(first) == stage.outcome(second) == "canceled"
    assert len(stage.mails()) == 2


def test_a_second_request_after_the_cancel_says_what_became_of_the_publish(stage: Stage) -> None:
    stage.given("cancels-at-once")
    first, second = stage.ask(), stage.ask()
    stage.play_out(first)
    stage.play_out(second)
    assert stage.outcome(first) == stage.outcome(second) == "canceled"
    assert len(stage.posts) == 1


def test_a_stale_twin_is_dropped(stage: Stage) -> None:
    stage.given("unavailable-503")
    request_id = stage.ask()
    twin = stage.received()
    stage.submission().handle(twin)
    assert stage.row(request_id).attempt == 1
    calls, put_back = len(stage.calls()), len(stage.requests.kept)
    stage.submission().handle(twin)
    assert (len(stage.calls()), len(stage.requests.kept)) == (calls, put_back)
    assert stage.row(request_id).attempt == 1


@pytest.mark.parametrize("attempt", [-1, 1, 7, 10**30])
def test_an_attempt_from_outside_means_nothing(stage: Stage, attempt: int) -> None:
    stage.given("throttled-reads")
    request_id = stage.ask(attempt=attempt)
    stage.submit()
    assert stage.row(request_id).attempt == 1
    [copy] = [m for m in stage.requests.members if m.get("lastError")]
    assert copy["attempt"] == 1
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"


def test_target_and_intent_are_written_before_the_cancel_is_sent(stage: Stage) -> None:
    stage.given("cancels-after-202")
    request_id = stage.ask()
    stage.submit_and_die(Fate(SENDING.index("center.cancel")))
    row = stage.row(request_id)
    assert row.target_operation_id == stage.target.id
    assert row.post_sent_at is not None
    assert (row.state, row.post_confirmed_at) == ("submitting", None)
    assert stage.posts == []


def test_after_a_crash_the_target_is_judged_and_never_the_newest(stage: Stage) -> None:
    stage.given("cancels-after-202")
    request_id = stage.ask()
    stage.submit_and_die(Fate(SENDING.index("center.cancel")))
    target = stage.target.id
    stage.simulator.finish(PUBLISHER, stage.offer, "succeeded")
    newer = stage.simulator.publish(PUBLISHER, stage.offer)
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "completed-first"
    assert stage.row(request_id).target_operation_id == target
    assert stage.truth_of(newer).state is State.RUNNING
    assert stage.posts == []


def test_a_pending_message_that_was_never_put_is_made_again(stage: Stage) -> None:
    stage.given("cancels-after-202")
    stage.ask()
    stage.submit_and_die(Fate(SENDING.index("pending.put")))
    assert stage.pending.kept == []
    stage.submit_all()
    assert len(stage.pending.kept) == 1
    assert stage.pending_now.target_operation_id == stage.target.id


def test_an_outcome_without_a_pending_message_gets_one(stage: Stage) -> None:
    stage.given("cancels-after-202")
    request_id = stage.ask()
    stage.submit_and_die(Fate(0, after=True))
    outcome = Outcome(name=OutcomeName.WITHDRAWN, at=stage.time())
    row = stage.ledger.replace(replace(stage.row(request_id), outcome=outcome))
    assert not row.pending_queued
    stage.submit_all()
    assert stage.pending_now.outcome == outcome
    assert stage.posts == []
    stage.play_out(request_id)
    assert stage.mail.message["X-Offer-Cancel-Outcome"] == "withdrawn"


def test_a_row_that_changes_in_between_is_read_again(stage: Stage) -> None:
    stage.given("cancels-after-202")
    request_id = stage.ask()

    class Meddler:
        def __init__(self) -> None:
            self.meddled = False

        def __getattr__(self, name: str) -> object:
            if name == "list_operations" and not self.meddled:
                self.meddled = True
                row = stage.row(request_id)
                stage.ledger.replace(replace(row, reason="meddled"))
            return getattr(stage.center, name)

    meddler = Meddler()
    stage.submit(partner_center=lambda: meddler)
    assert len(stage.posts) == len(stage.pending.kept) == 1
    assert stage.row(request_id).reason == "meddled"


def test_what_is_put_back_carries_all_that_the_next_try_needs(stage: Stage) -> None:
    stage.given("cancels-after-202", faults=[{"on": ["cancel"], "status": 503}])
    request_id = stage.ask(reason="wrong price", requestedAt=stage.ago(30), unknown=1)
    stage.submit()
    [copy] = stage.requests.members
    row = stage.row(request_id)
    assert copy.keys() == {
        "publisherId",
        "offerId",
        "requestId",
        "requestedAt",
        "metadata",
        "reason",
        "operationId",
        "attempt",
        "lastError",
    }
    assert (copy["requestId"], copy["attempt"]) == (request_id, 1)
    assert copy["operationId"] == stage.target.id == row.target_operation_id
    assert copy["metadata"] == {"notification-emails": "requester@contoso.com"}
    assert (copy["reason"], copy["lastError"]) == ("wrong price", row.last_error)
    assert json.loads(stage.requests.only.text) == copy
    assert stage.requests.only.text.isascii()


def test_a_copy_that_outlived_its_row_starts_the_request_anew(stage: Stage) -> None:
    stage.given("throttled-seconds")
    request_id = stage.ask()
    stage.submit()
    stage.table.delete_table()
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"
    assert stage.row(request_id).requested_at <= stage.time()
    assert uuid.UUID(request_id)
