"""Storage whose queues and table are deleted under way, or whose clock is off by five minutes."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableServiceClient
from azure.storage.queue import QueueServiceClient

from shared.ledger import TABLE
from shared.queues import CANCEL_REQUESTS, PENDING_CANCELLATIONS, POISON_SUFFIX
from tests.e2e.asking import PUBLISHER, ask, enqueue, message_for
from tests.e2e.breaking import cancel_calls, let_another_pass, started
from tests.e2e.limited import TroubledStack, troubled_stack
from tests.e2e.seeing import (
    event_of,
    eventually,
    outcome_of,
    outcomes_mailed,
    row_of,
    texts_on,
)

pytestmark = pytest.mark.integration

QUEUES = tuple(
    name + suffix
    for name in (CANCEL_REQUESTS, PENDING_CANCELLATIONS)
    for suffix in ("", POISON_SUFFIX)
)


@pytest.fixture(scope="module")
def changing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TroubledStack]:
    with troubled_stack(tmp_path_factory.mktemp("changing")) as running:
        yield running


def delete(changing: TroubledStack, name: str) -> None:
    """Delete a queue or the table, with all that is in it."""
    connection_string = changing.stack.storage.connection_string
    if name == TABLE:
        with TableServiceClient.from_connection_string(connection_string) as tables:
            tables.delete_table(name)
        return
    queues = QueueServiceClient.from_connection_string(connection_string)
    with queues, contextlib.suppress(ResourceNotFoundError):  # not missed since a test before
        queues.delete_queue(name)


@pytest.mark.parametrize("name", [*QUEUES, TABLE])
def test_what_is_deleted_is_made_again_and_what_comes_after_is_carried_out(
    changing: TroubledStack, name: str
) -> None:
    let_another_pass(changing.stack)
    delete(changing, name)
    let_another_pass(changing.stack)
    bad = enqueue(changing.stack, "please cancel")
    event_of(changing.stack, bad, "message-poisoned")
    poison = CANCEL_REQUESTS + POISON_SUFFIX
    eventually(  # the app hides poison while it notices it, and while it tells of it
        lambda: "please cancel" in "".join(texts_on(changing.stack, poison)), "it is on the queue"
    )


def test_a_cancellation_that_is_followed_outlives_all_but_its_own_queue(
    changing: TroubledStack,
) -> None:
    stack = changing.stack
    offer = started(stack, "cancels-after-202", cancel_seconds=600)
    request_id = ask(stack, offer)
    event_of(stack, request_id, "cancel-accepted")
    eventually(lambda: row_of(stack, request_id)["pendingQueued"], "it is pending")
    for name in (TABLE, *QUEUES):
        if name != PENDING_CANCELLATIONS:
            delete(changing, name)
    stack.partner_center.finish(PUBLISHER, offer, "canceled")
    assert outcome_of(stack, request_id) == "canceled"
    let_another_pass(stack)
    assert outcomes_mailed(stack, request_id) == ["canceled"]
    assert row_of(stack, request_id)["outcome"]["name"] == "canceled"


@pytest.mark.parametrize("storage_seconds", [-300, 300])
@pytest.mark.parametrize("partner_center_seconds", [-300, 300])
def test_clocks_that_are_off_change_no_outcome(
    changing: TroubledStack, storage_seconds: int, partner_center_seconds: int
) -> None:
    stack, ahead = changing.stack, timedelta(seconds=storage_seconds)
    clock = {"clock_offset_seconds": partner_center_seconds}
    before = started(stack, "cancels-after-202", started_seconds_ago=30, **clock)
    after = started(stack, "cancels-after-202", past="succeeded", started_seconds_ago=30, **clock)
    asked_at = datetime.now(UTC) + ahead - timedelta(seconds=60)
    changing.storage.set_clock(ahead)
    try:
        asked_now = enqueue(stack, message_for(before))
        asked_then = enqueue(stack, message_for(after, requestedAt=asked_at.isoformat()))
        assert outcome_of(stack, asked_now) == "canceled"
        assert outcome_of(stack, asked_then) == "superseded"
    finally:
        changing.storage.set_clock(timedelta())
    assert cancel_calls(stack, after) == 0
