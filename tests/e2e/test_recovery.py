"""What breaks and comes back: no request is lost, and no outcome is untrue for it."""

import contextlib
import json
import threading
import uuid
from collections.abc import Iterator

import pytest

from devstack.events import Event
from devstack.stack import Stack
from shared.queues import CANCEL_REQUESTS, PENDING_CANCELLATIONS, POISON_SUFFIX
from tests.e2e.asking import (
    ANA,
    BOB,
    PUBLISHER,
    ask,
    enqueue,
    message_for,
    path_of,
    send,
    with_emails,
)
from tests.e2e.clean_logs import PASSWORD
from tests.e2e.seeing import (
    count_on,
    event_of,
    eventually,
    mails_about,
    outcome_mail,
    outcome_of,
    outcomes_mailed,
    row_of,
)

pytestmark = pytest.mark.integration


@pytest.fixture
def offer(breakable: Stack) -> str:
    """An offer of the test's own, whose publish can be canceled at once."""
    return started(breakable, "cancels-at-once")


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


def cancel_calls(stack: Stack, offer: str) -> int:
    calls = stack.partner_center.calls(PUBLISHER, offer)
    return sum(call.method == "POST" for call in calls)


def let_another_pass(stack: Stack) -> None:
    """Wait for a later request to go all the way: what was due before it has been worked on."""
    request_id = ask(stack, started(stack, "cancels-at-once"))
    assert outcome_of(stack, request_id) == "canceled"


def problems_told(stack: Stack, part: str, after: int) -> str:
    """What the log says at once of a part of the settings."""
    told = stack.events.wait_for(
        lambda event: event.name == "settings-unusable" and event.details["part"] == part,
        after=after,
    )
    assert told.level == "error"
    return "; ".join(told.details["problems"])


def test_requests_wait_while_partner_center_is_down_and_none_is_lost(breakable: Stack) -> None:
    offers = [started(breakable, "cancels-at-once") for _ in range(4)]
    with partner_center_down(breakable):
        asked = [ask(breakable, offer) for offer in offers[:2]]
        asked += [enqueue(breakable, message_for(offer)) for offer in offers[2:]]
        for request_id in asked:
            event_of(breakable, request_id, "request-rescheduled")
            assert not mails_about(breakable, request_id)
    assert [outcome_of(breakable, request_id) for request_id in asked] == ["canceled"] * 4
    assert [cancel_calls(breakable, offer) for offer in offers] == [1] * 4


def test_polling_waits_while_partner_center_is_down(breakable: Stack) -> None:
    request_id = ask(breakable, started(breakable, "cancels-after-202"))
    event_of(breakable, request_id, "cancel-accepted")
    with partner_center_down(breakable):
        event_of(breakable, request_id, "poll-failed")
    assert outcome_of(breakable, request_id) == "canceled"


def test_who_asked_hears_when_it_could_not_be_done_yet(breakable: Stack, offer: str) -> None:
    with partner_center_down(breakable):
        request_id = ask(breakable, offer)
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


def test_wrong_mail_settings_stop_no_cancellation_and_lose_no_mail(
    breakable: Stack, offer: str
) -> None:
    right, after = breakable.host.settings, len(breakable.events.all())
    breakable.host.restart(NOTIFICATION_SENDER="", NOTIFICATION_SMTP_URL=f"ftp://u:{PASSWORD}@x")
    request_id = ask(breakable, offer)
    problems = problems_told(breakable, "Mail", after)
    assert "NOTIFICATION_SENDER" in problems
    assert "NOTIFICATION_SMTP_URL" in problems
    event_of(breakable, request_id, "mail-deferred")
    row = row_of(breakable, request_id)
    assert (row["outcome"]["name"], row["mail"]) == ("canceled", "none")
    assert row["emails"] == [ANA, BOB]
    assert not mails_about(breakable, request_id)
    breakable.host.stop()
    breakable.host.settings = right
    breakable.host.start()
    assert outcome_of(breakable, request_id) == "canceled"
    assert cancel_calls(breakable, offer) == 1


def test_a_mail_server_that_is_down_loses_no_mail(breakable: Stack, offer: str) -> None:
    breakable.mailbox.stop()
    try:
        request_id = ask(breakable, offer)
        event_of(breakable, request_id, "mail-deferred")
    finally:
        breakable.mailbox.start()
    assert outcome_of(breakable, request_id) == "canceled"
    assert outcomes_mailed(breakable, request_id) == ["canceled"]


def test_wrong_partner_center_settings_let_requests_wait_and_say_every_problem(
    breakable: Stack,
) -> None:
    offers = [started(breakable, "cancels-at-once") for _ in range(2)]
    right, after = breakable.host.settings, len(breakable.events.all())
    breakable.host.restart(
        PARTNER_CENTER_URL="http://partner-center.example",
        PARTNER_CENTER_STATIC_TOKEN="",
        PARTNER_CENTER_CLIENT_SECRET=PASSWORD,
        PARTNER_CENTER_CERTIFICATE_PATH="/also/a/certificate.pem",
    )
    asked = [ask(breakable, offers[0]), enqueue(breakable, message_for(offers[1]))]
    problems = problems_told(breakable, "Partner Center", after)
    for name in ("URL", "TENANT_ID", "CLIENT_ID", "CLIENT_SECRET", "CERTIFICATE_PATH"):
        assert f"PARTNER_CENTER_{name}" in problems
    for request_id in asked:
        event_of(breakable, request_id, "request-rescheduled")
    assert not [event for event in _since(breakable, after) if event.name == "message-poisoned"]
    breakable.host.stop()
    breakable.host.settings = right
    breakable.host.start()
    assert [outcome_of(breakable, request_id) for request_id in asked] == ["canceled"] * 2


def test_wrong_policy_settings_take_no_request_over_http_and_lose_none_on_the_queue(
    breakable: Stack, offer: str
) -> None:
    right, after = breakable.host.settings, len(breakable.events.all())
    breakable.host.restart(RETRY_FIRST_SECONDS="abc", POLL_CONCURRENCY="0")
    answered = send(breakable, path_of(offer), with_emails())
    assert answered.status == 503
    assert int(answered.headers["Retry-After"]) > 0
    assert answered.error[0] == "ServiceUnavailable"
    problems = problems_told(breakable, "Policy", after)
    assert "RETRY_FIRST_SECONDS" in problems
    assert "POLL_CONCURRENCY" in problems
    request_id = enqueue(breakable, message_for(offer))
    event_of(breakable, request_id, "request-rescheduled")
    breakable.host.stop()
    breakable.host.settings = right
    breakable.host.start()
    assert outcome_of(breakable, request_id) == "canceled"


def test_a_killed_host_loses_nothing_and_tells_nothing_untrue(breakable: Stack) -> None:
    center = breakable.partner_center
    pending = started(breakable, "cancels-after-202", cancel_seconds=600)
    lost = {"on": ["cancel"], "first": 1, "carried_out": True, "delay_seconds": 10}
    in_the_call = started(breakable, "cancels-after-202", faults=[lost])
    waiting = [started(breakable, "cancels-after-202") for _ in range(6)]
    asked = {pending: ask(breakable, pending)}
    event_of(breakable, asked[pending], "cancel-accepted")
    asked[in_the_call] = ask(breakable, in_the_call)
    eventually(lambda: cancel_calls(breakable, in_the_call), "the cancel call is under way")
    asked |= {offer: enqueue(breakable, message_for(offer)) for offer in waiting}
    breakable.host.kill()
    center.finish(PUBLISHER, pending, "canceled")
    breakable.host.start()
    outcomes = {offer: outcome_of(breakable, request_id) for offer, request_id in asked.items()}
    assert outcomes == dict.fromkeys(asked, "canceled")
    assert all(center.truth(PUBLISHER, offer)[-1].state == "canceled" for offer in asked)
    let_another_pass(breakable)
    for request_id in asked.values():
        assert outcomes_mailed(breakable, request_id) == ["canceled"]


def test_storage_that_was_down_still_has_every_request(breakable: Stack) -> None:
    offers = [started(breakable, "cancels-at-once") for _ in range(3)]
    with partner_center_down(breakable):
        asked = [ask(breakable, offer) for offer in offers[:2]]
        asked.append(enqueue(breakable, message_for(offers[2])))
        for request_id in asked:
            event_of(breakable, request_id, "request-rescheduled")
        breakable.storage.stop()
        breakable.storage.start()
    assert [outcome_of(breakable, request_id) for request_id in asked] == ["canceled"] * 3


def test_the_same_request_put_on_the_queue_again_is_one(breakable: Stack, offer: str) -> None:
    request_id = str(uuid.uuid4())
    message = message_for(offer, requestId=request_id)
    for _ in range(3):
        enqueue(breakable, message)
    assert outcome_of(breakable, request_id) == "canceled"
    enqueue(breakable, message)
    let_another_pass(breakable)
    assert outcomes_mailed(breakable, request_id) == ["canceled"]
    assert cancel_calls(breakable, offer) == 1


def test_a_pending_cancellation_that_is_delivered_twice_is_mailed_once(breakable: Stack) -> None:
    request_id = ask(breakable, started(breakable, "cancels-after-202"))
    event_of(breakable, request_id, "cancel-accepted")
    eventually(lambda: row_of(breakable, request_id)["pendingQueued"], "it is pending")
    enqueue(breakable, _pending_copy(breakable, request_id), PENDING_CANCELLATIONS)
    assert outcome_of(breakable, request_id) == "canceled"
    eventually(
        lambda: len(breakable.events.all("outcome-found", request_id)) == 2, "both were polled"
    )
    let_another_pass(breakable)
    assert outcomes_mailed(breakable, request_id) == ["canceled"]


def test_many_who_ask_at_once_for_the_same_offer_are_all_told_the_same(breakable: Stack) -> None:
    offer = started(breakable, "cancels-after-202")
    asked: list[str] = []
    threads = [
        threading.Thread(target=lambda: asked.append(ask(breakable, offer))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [outcome_of(breakable, request_id) for request_id in asked] == ["canceled"] * 6
    [truth] = breakable.partner_center.truth(PUBLISHER, offer)
    assert truth.canceled_by_call


def test_who_asked_by_a_message_that_is_poison_is_told_to_look_themselves(
    breakable: Stack,
) -> None:
    request_id = enqueue(breakable, message_for("some-vm", publisherId="northwind"))
    event_of(breakable, request_id, "message-poisoned")
    breakable.host.restart()  # it looks for poison as soon as it is up, then once a minute
    mail = outcome_mail(breakable, request_id)
    assert mail.message["X-Offer-Cancel-Outcome"] == "unconfirmed"
    assert mail.recipients == (ANA, BOB)
    assert "ALLOWED_PUBLISHERS" in mail.text
    assert row_of(breakable, request_id)["outcome"]["name"] == "unconfirmed"
    assert count_on(breakable, CANCEL_REQUESTS + POISON_SUFFIX)


def _since(stack: Stack, after: int) -> list[Event]:
    return stack.events.all()[after:]


def _pending_copy(stack: Stack, request_id: str) -> str:
    """What is on ``pending-cancellations`` for a request, by its row: hidden there until due."""
    row = row_of(stack, request_id)
    times = {name: row[name].isoformat() for name in ("requestedAt", "postSentAt")}
    members = ("requestId", "publisherId", "offerId", "targetOperationId", "location")
    emails = {"notificationEmails": row["emails"], "version": 1}
    return json.dumps({**{name: row[name] for name in members}, **times, **emails})
