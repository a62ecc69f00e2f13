"""Storage that answers 503, or not at all: nothing is half done, and nothing is lost."""

from collections.abc import Iterator

import pytest

from devstack.stack import Stack
from shared.listing import LAST_READ_SECONDS
from shared.listing import READ_SECONDS as PAGE_SECONDS
from shared.queues import CANCEL_REQUESTS
from shared.storage_transport import CONNECT_SECONDS, READ_SECONDS
from tests.e2e.asking import (
    PUBLISHER,
    Answered,
    ask,
    enqueue,
    message_for,
    path_of,
    send,
    with_emails,
)
from tests.e2e.breaking import cancel_calls, let_another_pass, started
from tests.e2e.limited import TroubledStack, troubled_stack
from tests.e2e.seeing import (
    DEADLINE_SECONDS,
    event_of,
    eventually,
    outcome_of,
    outcomes_mailed,
    rows_of_offer,
)
from tests.integration.storage_proxy import Trouble

pytestmark = pytest.mark.integration

ANSWER_WITHIN_SECONDS = 10
BUSY = Trouble()
BUSY_AFTER_ALL = Trouble(carried_out=True)
SILENT = Trouble(status=None)
SILENT_AFTER_ALL = Trouble(status=None, carried_out=True)
BEING_DELETED = Trouble(409, "TableBeingDeleted")
QUEUE_BEING_DELETED = Trouble(409, "QueueBeingDeleted")
INSERT = "POST /cancellations"
LIST = "GET /cancellations()"
PUT = f"POST /{CANCEL_REQUESTS}/messages"


@pytest.fixture(scope="module")
def weak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TroubledStack]:
    """A stack whose storage the tests make fail."""
    with troubled_stack(tmp_path_factory.mktemp("weak")) as running:
        yield running


@pytest.fixture
def healed(weak: TroubledStack) -> Iterator[TroubledStack]:
    """The same, without trouble before and after the test."""
    weak.storage.heal()
    yield weak
    weak.storage.heal()


def asked(stack: Stack, offer: str) -> Answered:
    return send(stack, path_of(offer), with_emails())


def assert_not_accepted(answered: Answered) -> None:
    assert answered.status == 503
    assert int(answered.headers["Retry-After"]) > 0
    code, message = answered.error
    assert code == "ServiceUnavailable"
    assert "was not accepted" in message


@pytest.mark.parametrize(
    ("call", "trouble"),
    [
        pytest.param(INSERT, BUSY, id="insert-503"),
        pytest.param(INSERT, BUSY_AFTER_ALL, id="insert-503-though-carried-out"),
        pytest.param(INSERT, SILENT, id="insert-never-answered"),
        pytest.param(INSERT, SILENT_AFTER_ALL, id="insert-never-answered-though-carried-out"),
        pytest.param(INSERT, BEING_DELETED, id="insert-table-being-deleted"),
        pytest.param(PUT, BUSY, id="put-503"),
        pytest.param(PUT, SILENT, id="put-never-answered"),
        pytest.param(PUT, QUEUE_BEING_DELETED, id="put-queue-being-deleted"),
    ],
)
def test_what_cannot_be_stored_is_answered_503_and_leaves_nothing_behind(
    healed: TroubledStack, call: str, trouble: Trouble
) -> None:
    stack, storage = healed.stack, healed.storage
    offer = started(stack, "cancels-at-once")
    storage.strike(lambda each: each == call, trouble, times=1)
    assert_not_accepted(asked(stack, offer))
    assert storage.struck == [call]
    assert rows_of_offer(stack, offer) == []
    let_another_pass(stack)
    assert rows_of_offer(stack, offer) == []
    assert cancel_calls(stack, offer) == 0
    assert offer not in "".join(mail.text for mail in stack.mailbox.mails())


@pytest.mark.parametrize(
    ("never_answered", "calls_before"),
    [
        pytest.param((INSERT, PUT), 0, id="nothing"),
        pytest.param((PUT,), 1, id="the-message"),
    ],
)
def test_a_storage_that_never_answers_is_given_up_in_time(
    healed: TroubledStack, never_answered: tuple[str, ...], calls_before: int
) -> None:
    stack, storage = healed.stack, healed.storage
    offer = started(stack, "cancels-at-once")
    storage.strike(lambda each: offer in each or each in never_answered, SILENT)
    assert_not_accepted(asked(stack, offer))
    calls = len(storage.struck) + calls_before
    assert calls >= 2
    assert calls * (CONNECT_SECONDS + READ_SECONDS) <= ANSWER_WITHIN_SECONDS


@pytest.mark.parametrize("trouble", [BUSY, SILENT], ids=["503", "never-answered"])
def test_a_list_that_cannot_be_read_is_told_in_time(
    healed: TroubledStack, trouble: Trouble
) -> None:
    stack, storage = healed.stack, healed.storage
    storage.tables.strike(lambda each: each == LIST, trouble)
    answered = send(stack, "/api/cancellations", method="GET")
    assert (answered.status, answered.error[0]) == (503, "ServiceUnavailable")
    assert int(answered.headers["Retry-After"]) > 0
    assert LAST_READ_SECONDS + CONNECT_SECONDS + PAGE_SECONDS <= ANSWER_WITHIN_SECONDS
    storage.heal()
    assert send(stack, "/api/cancellations", method="GET").status == 200


def test_a_message_that_arrived_although_nobody_said_so_is_carried_out_and_mailed(
    healed: TroubledStack,
) -> None:
    stack, storage = healed.stack, healed.storage
    offer = started(stack, "cancels-at-once")
    storage.strike(lambda each: each == PUT, SILENT_AFTER_ALL, times=1)
    answered = asked(stack, offer)
    # It is accepted if somebody has taken the message by then.
    if answered.status != 202:
        assert_not_accepted(answered)
    mailed = stack.mailbox.wait_for(lambda mail: offer in mail.text, DEADLINE_SECONDS)
    assert mailed.message["X-Offer-Cancel-Outcome"] == "canceled"
    let_another_pass(stack)
    [row] = rows_of_offer(stack, offer)
    assert row["mail"] == "sent"
    assert outcomes_mailed(stack, row["requestId"]) == ["canceled"]
    assert answered.status != 202 or answered.members["id"] == row["requestId"]


def test_an_outage_of_storage_loses_no_request_of_those_that_it_has(
    healed: TroubledStack,
) -> None:
    stack, storage = healed.stack, healed.storage
    pending = started(stack, "cancels-after-202", cancel_seconds=600)
    followed = ask(stack, pending)
    event_of(stack, followed, "cancel-accepted")
    storage.tables.strike(lambda each: True, BUSY)
    waiting = started(stack, "cancels-at-once")
    queued = enqueue(stack, message_for(waiting))
    eventually(lambda: len(storage.tables.struck) >= 2, "the message was given to the app twice")
    storage.queues.strike(lambda each: True, BUSY)
    assert_not_accepted(asked(stack, started(stack, "cancels-at-once")))
    stack.partner_center.finish(PUBLISHER, pending, "canceled")
    eventually(lambda: len(storage.queues.struck) >= 2, "the poller was refused as well")
    storage.heal()
    for request_id, offer in ((followed, pending), (queued, waiting)):
        assert outcome_of(stack, request_id) == "canceled"
        assert cancel_calls(stack, offer) == 1
    let_another_pass(stack)
    for request_id in (followed, queued):
        assert outcomes_mailed(stack, request_id) == ["canceled"]
