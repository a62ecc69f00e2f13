"""How the tests break a part of a stack, and what they ask of it around that."""

import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from devstack.stack import Stack
from tests.e2e.asking import PUBLISHER, ask, enqueue, message_for
from tests.e2e.seeing import event_of, mails_about, outcome_of


def started(stack: Stack, scenario: str, **knobs: object) -> str:
    offer = f"vm-{uuid.uuid4().hex[:12]}"
    stack.partner_center.create_offer(PUBLISHER, offer, scenario, **knobs)
    return offer


@contextlib.contextmanager
def partner_center_down(stack: Stack) -> Iterator[None]:
    stack.partner_center.stop_answering()
    try:
        yield
    finally:
        stack.partner_center.start()


@contextlib.contextmanager
def mail_server_down(stack: Stack) -> Iterator[None]:
    stack.mailbox.stop_answering()
    try:
        yield
    finally:
        stack.mailbox.start()


def cancel_calls(stack: Stack, offer: str) -> int:
    calls = stack.partner_center.calls(PUBLISHER, offer)
    return sum(call.method == "POST" for call in calls)


def let_another_pass(stack: Stack) -> None:
    """Wait for a later request to go all the way: what was due before it has been worked on."""
    request_id = ask(stack, started(stack, "cancels-at-once"))
    assert outcome_of(stack, request_id) == "canceled"


@dataclass(frozen=True)
class Outages:
    """What was asked for around outages that are over, request by request.

    Attributes:
        pending: The cancel call was taken before Partner Center went down.
        unmailed: The outcome was found while the mail server was down.
        waiting: By offer, asked for while Partner Center was down.
    """

    pending: str
    unmailed: str
    waiting: dict[str, str]


def outages_over(stack: Stack) -> Outages:
    """Ask around an outage of the mail server and one of Partner Center."""
    canceled_late = started(stack, "cancels-after-202", cancel_seconds=600)
    pending = ask(stack, canceled_late)
    event_of(stack, pending, "cancel-accepted")
    with mail_server_down(stack):
        unmailed = ask(stack, started(stack, "cancels-at-once"))
        event_of(stack, unmailed, "mail-deferred")
    offers = [started(stack, "cancels-at-once") for _ in range(4)]
    with partner_center_down(stack):
        waiting = {offer: ask(stack, offer) for offer in offers[:2]}
        waiting |= {offer: enqueue(stack, message_for(offer)) for offer in offers[2:]}
        for request_id in waiting.values():
            event_of(stack, request_id, "request-rescheduled")
            assert not mails_about(stack, request_id)
        event_of(stack, pending, "poll-failed")
        stack.partner_center.finish(PUBLISHER, canceled_late, "canceled")
    return Outages(pending, unmailed, waiting)
