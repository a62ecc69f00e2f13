"""Odd messages of ``pending-cancellations``: newer ones, unreadable ones, ones that crash."""

import base64
import json
from typing import Any

import pytest

from shared.models import Outcome, OutcomeName, to_json
from shared.pending_step import Leased, PendingStep
from tests.integration.stage import Stage, a_pending

pytestmark = pytest.mark.integration

SLOW = {"cancel_seconds": 10**6, "ends_after_seconds": 10**6}


def ended(stage: Stage, **members: Any) -> str:
    outcome = Outcome(name=OutcomeName.CANCELED, at=stage.time(), operation_state="canceled")
    return to_json(a_pending(stage, outcome=outcome, **members))


def test_a_row_that_was_lost_is_rebuilt_from_the_message(stage: Stage) -> None:
    stage.given("cancels-after-202")
    request_id = stage.pend(reason="wrong price")
    stage.table.delete_table()
    stage.play_out(request_id)
    row = stage.row(request_id)
    assert stage.outcome(request_id) == "canceled"
    assert (row.reason, row.target_operation_id) == ("wrong price", stage.target.id)
    assert len(stage.mails()) == 1


def test_polling_goes_into_the_row_every_15_minutes(stage: Stage) -> None:
    stage.given("cancels-after-202", **SLOW)
    request_id = stage.pend()
    stage.play(60)
    assert stage.row(request_id).polls == 0
    stage.time.advance(900)
    stage.poll()
    row = stage.row(request_id)
    assert row.polls == stage.pending_now.polls > 3
    assert (row.last_step_at, row.last_state) == (stage.time(), "running")


@pytest.mark.parametrize(
    "members", [{}, {"location": {"href": "x"}}, {"postSentAt": "soon"}], ids=str
)
def test_a_newer_version_is_put_back_for_five_minutes(
    stage: Stage, members: dict[str, Any]
) -> None:
    stage.given("cancels-after-202")
    newer = json.loads(to_json(a_pending(stage))) | {"version": 2, "novel": [1]} | members
    stage.pending.adapter.put(json.dumps(newer))
    for _ in range(10):
        stage.poll()
        assert stage.pending.only.asked_delay == 300
        kept = json.loads(stage.pending.only.text)
        assert {**kept, "checkpoints": 0} == newer
        stage.time.advance(300)
    assert stage.pending_poison.kept == []
    assert stage.mails() == []


def test_a_version_that_was_put_back_often_is_not_taken_for_one_that_crashes(
    stage: Stage,
) -> None:
    stage.given("cancels-after-202")
    request_id = stage.pend()
    [message] = stage.pending.adapter.receive(1, 1)
    newer = json.loads(message.text) | {"version": 2}
    message = stage.pending.adapter.update(message, json.dumps(newer), 0)
    for _ in range(8):
        stage.poll()
        stage.time.advance(300)
    [message] = stage.pending.adapter.receive(1, 1)
    known = json.loads(message.text) | {"version": 1}
    stage.pending.adapter.update(message, json.dumps(known), 0)
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"


@pytest.mark.parametrize(
    "text",
    ["nonsense", "{}", "[]", '{"version": 1}', base64.b64encode(b"{}").decode(), "[" * 9999],
    ids=lambda text: text[:16],
)
def test_what_cannot_be_read_is_poison(stage: Stage, text: str) -> None:
    stage.pending.adapter.put(text)
    stage.poll()
    record = stage.poison(stage.pending_poison)
    assert (record.message, record.dequeue_count) == (text, 1)
    assert record.reason
    assert stage.pending.kept == []


def test_a_message_in_base64_is_read(stage: Stage) -> None:
    stage.given("cancels-after-202")
    stage.pending.adapter.put(base64.b64encode(ended(stage).encode()).decode())
    stage.poll()
    assert len(stage.mails()) == 1


def crash(stage: Stage, times: int) -> None:
    """Let a worker die of the one message so often, without a checkpoint."""
    for _ in range(times):
        assert len(stage.pending.adapter.receive(1, 1)) == 1
        stage.time.advance(1)


def opened(stage: Stage, step: PendingStep) -> Leased:
    """The one message, received and opened."""
    [message] = stage.pending.adapter.receive(1, 1)
    leased = step.open(message, 0)
    assert leased is not None
    return leased


def test_a_message_that_crashed_its_worker_is_taken_last_and_alone(stage: Stage) -> None:
    stage.given("cancels-after-202", **SLOW)
    suspect = a_pending(stage)
    stage.pending.adapter.put(to_json(suspect))
    crash(stage, 2)
    for _ in range(5):
        stage.pending.adapter.put(to_json(a_pending(stage)))
    order: list[str] = []

    class Watching:
        def __getattr__(self, name: str) -> object:
            return getattr(stage.pending.adapter, name)

        def update(self, message: Any, text: str, seconds: float) -> object:
            if json.loads(text)["polls"]:  # it was polled, not only held
                order.append(json.loads(text)["requestId"])
            return stage.pending.adapter.update(message, text, seconds)

    stage.poll(pending=Watching())
    assert len(order) == 6
    assert order.index(suspect.request_id) == 5


def test_a_held_suspect_counts_its_next_crash_but_not_the_time_it_was_held(stage: Stage) -> None:
    stage.given("cancels-after-202", **SLOW)
    stage.pending.adapter.put(to_json(a_pending(stage)))
    crash(stage, 3)
    step = stage.step()
    held = step.hold(opened(stage, step), 5)
    stage.time.advance(6)
    again = opened(stage, step)
    assert again.crashes == held.crashes == 3
    step.seize(again, 5)
    stage.time.advance(6)
    assert opened(stage, step).crashes == 4


def test_a_message_that_keeps_crashing_its_worker_is_poison(stage: Stage) -> None:
    stage.given("cancels-after-202", **SLOW)
    suspect = a_pending(stage)
    stage.pending.adapter.put(to_json(suspect))
    crash(stage, 6)
    stage.poll()
    record = stage.poison(stage.pending_poison)
    assert "6 times" in record.reason
    assert (record.request_id, record.dequeue_count) == (suspect.request_id, 7)
    assert (record.requested_at, stage.pending.kept) == (suspect.requested_at, [])


def test_polls_that_went_well_count_for_no_crash(stage: Stage) -> None:
    stage.given("cancels-after-202", **SLOW)
    request_id = stage.pend()
    for _ in range(12):
        stage.poll()
        stage.time.advance(120)
    assert stage.pending_now.polls == stage.pending_now.checkpoints == 12
    crash(stage, 5)
    stage.poll()
    assert stage.pending_now.polls == 13
    assert stage.pending_poison.kept == []
    assert stage.outcome(request_id) == ""


def test_a_suspect_that_a_run_has_no_time_for_is_put_back_unharmed(stage: Stage) -> None:
    stage.given("cancels-after-202", faults=[{"on": ["operation"], "status": 503}])
    stage.pending.adapter.put(to_json(a_pending(stage)))
    crash(stage, 2)
    suspect_text = stage.pending.only.text
    for _ in range(3):
        stage.pending.adapter.put(to_json(a_pending(stage)))
    stage.poll()
    [suspect] = [k for k in stage.pending.members if k["failures"] == 0]
    assert {**suspect, "checkpoints": 0} == json.loads(suspect_text)
    assert suspect["checkpoints"] == 1  # three deliveries, two of them crashes
