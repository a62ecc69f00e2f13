"""Two mails of one request say the same, whichever of its messages sends the second."""

from datetime import timedelta
from uuid import uuid4

import pytest
from msgspec.structs import replace

from shared.handover import hand_over
from shared.models import Refusal, to_json
from tests.integration.stage import Stage, a_pending

pytestmark = pytest.mark.integration

SLOW = {"cancel_seconds": 10**6, "ends_after_seconds": 10**6}
ALL_DAY = timedelta(days=1).total_seconds()


def test_a_twin_that_was_polled_for_longer_repeats_the_first_mail_as_it_was(stage: Stage) -> None:
    stage.given("cancels-after-202", **SLOW)
    first = a_pending(stage, readable_seconds=ALL_DAY)
    stage.pending.adapter.put(to_json(first))
    stage.mailbox.lose_answers(1)
    stage.poll()
    row = stage.row(first.request_id)
    assert row.outcome is not None
    assert row.outcome.name == "unconfirmed"
    stage.time.advance(60)
    assert stage.pending.adapter.receive(1, ALL_DAY)  # a worker stands still with the first message
    stage.pending.adapter.put(to_json(replace(first, also_canceled=(str(uuid4()),))))
    stage.poll()
    one, other = stage.mails()
    assert one.text == other.text
    assert one.message["Message-ID"] == other.message["Message-ID"]
    assert stage.row(first.request_id).last_state_at == row.last_state_at


def test_a_twin_that_hands_the_request_over_late_changes_nothing_in_what_was_mailed(
    stage: Stage,
) -> None:
    stage.given("cancels-after-202")
    request_id = stage.pend()
    as_the_twin_has_it = stage.row(request_id)
    mailed = stage.play_out(request_id)
    refusal = Refusal(status_code=409, code="Conflict", message="It is being canceled.")
    hand_over(
        stage.ledger,
        stage.pending.adapter,
        as_the_twin_has_it,
        stage.time(),
        changes={"refusal": refusal, "last_state": "running"},
    )
    stage.play_after()
    row = stage.row(request_id)
    assert (row.outcome, row.last_state, row.refusal) == (mailed.outcome, "canceled", None)
    assert len(stage.mails()) == 1
