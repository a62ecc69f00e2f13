"""What breaks and comes back: no request is lost, and no outcome is untrue for it."""

from functools import partial

import pytest

from devstack.stack import Stack
from tests.e2e.asking import ANA, BOB, PUBLISHER, ask, enqueue, message_for
from tests.e2e.breaking import Outages, cancel_calls, let_another_pass, partner_center_down, started
from tests.e2e.seeing import event_of, eventually, mails_about, outcome_of, outcomes_mailed, row_of

pytestmark = pytest.mark.integration


def test_requests_wait_while_partner_center_is_down_and_none_is_lost(
    breakable: Stack, after_outages: Outages
) -> None:
    for offer, request_id in after_outages.waiting.items():
        assert outcome_of(breakable, request_id) == "canceled"
        assert cancel_calls(breakable, offer) == 1


def test_polling_waits_while_partner_center_is_down(
    breakable: Stack, after_outages: Outages
) -> None:
    assert outcome_of(breakable, after_outages.pending) == "canceled"


def test_mails_wait_while_the_mail_server_is_down(breakable: Stack, after_outages: Outages) -> None:
    assert outcome_of(breakable, after_outages.unmailed) == "canceled"
    assert outcomes_mailed(breakable, after_outages.unmailed) == ["canceled"]


def test_who_asked_hears_when_it_could_not_be_done_yet(breakable: Stack) -> None:
    with partner_center_down(breakable):
        request_id = ask(breakable, started(breakable, "cancels-at-once"))
        event_of(breakable, request_id, "request-rescheduled")
        # A host looks after what waits as soon as it is up.
        breakable.host.restart(NOTIFICATION_DELAY_MINUTES="0.001")
        event_of(breakable, request_id, "notice-sent")
        [mail] = mails_about(breakable, request_id)
        assert mail.message["X-Offer-Cancel-Outcome"] == "not-yet-canceled"
        assert mail.recipients == (ANA, BOB)
        assert "could not be reached" in mail.text
    assert outcome_of(breakable, request_id) == "canceled"
    assert len(mails_about(breakable, request_id)) == 2


def test_a_killed_host_loses_nothing_and_tells_nothing_untrue(breakable: Stack) -> None:
    center = breakable.partner_center
    pending = started(breakable, "cancels-after-202", cancel_seconds=600)
    asked = {pending: ask(breakable, pending)}
    event_of(breakable, asked[pending], "cancel-accepted")
    slow = {"on": ["cancel"], "first": 1, "carried_out": True, "delay_seconds": 10}
    for in_the_call in (started(breakable, "cancels-after-202", faults=[slow]) for _ in range(3)):
        asked[in_the_call] = ask(breakable, in_the_call)
        eventually(partial(cancel_calls, breakable, in_the_call), "the cancel call is under way")
    breakable.host.kill()
    center.finish(PUBLISHER, pending, "canceled")
    for meanwhile in (started(breakable, "cancels-at-once") for _ in range(3)):
        asked[meanwhile] = enqueue(breakable, message_for(meanwhile))
    breakable.host.start()
    outcomes = {offer: outcome_of(breakable, request_id) for offer, request_id in asked.items()}
    assert outcomes == dict.fromkeys(asked, "canceled")
    assert all(center.truth(PUBLISHER, offer)[-1].state == "canceled" for offer in asked)
    let_another_pass(breakable)
    for request_id in asked.values():
        assert outcomes_mailed(breakable, request_id) == ["canceled"]


def test_storage_that_was_down_still_has_every_request(breakable: Stack) -> None:
    offer = started(breakable, "cancels-after-202", cancel_seconds=600)
    pending = ask(breakable, offer)
    event_of(breakable, pending, "cancel-accepted")
    eventually(lambda: row_of(breakable, pending)["pendingQueued"], "it is pending")
    breakable.storage.stop()
    breakable.storage.start()
    assert row_of(breakable, pending)["state"] == "pending"
    breakable.partner_center.finish(PUBLISHER, offer, "canceled")
    let_another_pass(breakable)
    assert outcome_of(breakable, pending) == "canceled"
