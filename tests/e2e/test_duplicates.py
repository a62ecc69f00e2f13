"""Asking twice is safe, however it comes about: one cancellation, one outcome, one mail."""

import uuid

import pytest

from devstack.stack import Stack
from tests.e2e.asking import PUBLISHER, enqueue, message_for
from tests.e2e.breaking import cancel_calls, let_another_pass, started
from tests.e2e.seeing import eventually, outcome_of, outcomes_mailed

pytestmark = pytest.mark.integration


def test_the_same_request_put_on_the_queue_again_is_one(stack: Stack) -> None:
    offer, request_id = started(stack, "cancels-at-once"), str(uuid.uuid4())
    message = message_for(offer, requestId=request_id)
    for _ in range(3):
        enqueue(stack, message)
    assert outcome_of(stack, request_id) == "canceled"
    enqueue(stack, message)
    let_another_pass(stack)
    assert outcomes_mailed(stack, request_id) == ["canceled"]
    assert cancel_calls(stack, offer) == 1


def test_a_pending_cancellation_that_is_delivered_twice_is_mailed_once(
    stack: Stack, delivered_twice: str
) -> None:
    assert outcome_of(stack, delivered_twice) == "canceled"
    eventually(
        lambda: len(stack.events.all("outcome-found", delivered_twice)) >= 2, "both were polled"
    )
    let_another_pass(stack)
    assert outcomes_mailed(stack, delivered_twice) == ["canceled"]


def test_many_who_ask_at_once_for_the_same_offer_are_all_told_the_same(
    stack: Stack, asked_by_many: list[str]
) -> None:
    for request_id in asked_by_many:
        assert outcome_of(stack, request_id) == "canceled"
        assert outcomes_mailed(stack, request_id) == ["canceled"]
    [truth] = stack.partner_center.truth(PUBLISHER, "asked-by-many")
    assert truth.canceled_by_call
