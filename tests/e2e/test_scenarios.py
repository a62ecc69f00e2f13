"""Every scenario of the simulated Partner Center, each from the HTTP request to the mail."""

from datetime import UTC, datetime

import pytest

from devstack.partner_center.scenarios import scenarios
from devstack.stack import Stack
from shared.models import OutcomeName
from tests.e2e.asking import ANA, BOB, PUBLISHER, enqueue, message_for
from tests.e2e.oracle import hit_by_mistake, true_outcomes
from tests.e2e.seeing import (
    event_of,
    eventually,
    mails_about,
    outcome_mail,
    outcome_of,
    row_of,
)
from tests.e2e.stories import (
    ENDLESS,
    IMPATIENT_STORIES,
    NEWER_BEFORE_CANCEL,
    STORIES,
    Told,
    names_of,
)

pytestmark = pytest.mark.integration


def check(told: Told) -> None:
    """The outcome mailed and recorded is the one expected, and a true statement."""
    mail = outcome_mail(told.stack, told.request_id)
    truth = told.stack.partner_center.truth(PUBLISHER, told.story.offer)
    calls = told.stack.partner_center.calls(PUBLISHER, told.story.offer)
    assert mail.message["X-Offer-Cancel-Outcome"] == told.story.outcome
    assert told.story.outcome in true_outcomes(truth, calls, told.meant)
    assert mail.recipients == (ANA, BOB)
    row = eventually(
        lambda: (found := row_of(told.stack, told.request_id))["mail"] == "sent" and found,
        "the row says that the mail was sent",
    )
    assert (row["outcome"]["name"], row["state"]) == (told.story.outcome, "ended")
    assert len(mails_about(told.stack, told.request_id)) == 1


def test_every_scenario_is_a_story() -> None:
    begun = {story.scenario for story in (*STORIES, *IMPATIENT_STORIES, ENDLESS)}
    assert begun == set(scenarios())


def test_every_outcome_but_withdrawn_is_the_end_of_a_story() -> None:
    ends = {story.outcome for story in (*STORIES, *IMPATIENT_STORIES)}
    assert ends == set(OutcomeName) - {OutcomeName.WITHDRAWN}


@pytest.mark.parametrize("offer", names_of(STORIES))
def test_the_outcome_mailed_is_the_true_one(told: dict[str, Told], offer: str) -> None:
    check(told[offer])
    truth = told[offer].stack.partner_center.truth(PUBLISHER, offer)
    if offer != NEWER_BEFORE_CANCEL:
        assert not hit_by_mistake(truth, told[offer].meant)


@pytest.mark.parametrize("offer", names_of(IMPATIENT_STORIES))
def test_what_cannot_be_done_or_known_in_time_is_said_to_be_so(
    told_impatiently: dict[str, Told], offer: str
) -> None:
    check(told_impatiently[offer])


def test_a_newer_publish_that_was_hit_is_disclosed(told: dict[str, Told]) -> None:
    begun = told[NEWER_BEFORE_CANCEL]
    mail = outcome_mail(begun.stack, begun.request_id)
    truth = begun.stack.partner_center.truth(PUBLISHER, begun.story.offer)
    [hit] = hit_by_mistake(truth, begun.meant)
    assert hit in mail.text
    assert row_of(begun.stack, begun.request_id)["alsoCanceled"] == [hit]


def test_a_conflict_is_tried_again_and_nothing_is_claimed_meanwhile(told: dict[str, Told]) -> None:
    begun = told[ENDLESS.offer]
    stack, request_id = begun.stack, begun.request_id
    eventually(
        lambda: len(stack.events.all("request-rescheduled", request_id)) >= 3, "it is tried again"
    )
    asked_for = (datetime.now(UTC) - begun.asked_at).total_seconds()
    if asked_for < 240:  # after 300 s it would be rejected, and rightly so
        row = row_of(stack, request_id)
        assert (row["state"], row["mail"]) == ("submitting", "none")
        assert "outcome" not in row
        assert "409" in row["lastError"]
        assert not mails_about(stack, request_id)


def test_a_location_that_names_something_else_is_never_called(told: dict[str, Told]) -> None:
    center = told["location-other-offer"].stack.partner_center
    for offer in ("location-foreign-host", "location-other-publisher", "location-other-offer"):
        event_of(told[offer].stack, told[offer].request_id, "mail-sent")
        assert not center.calls("somebody-else", offer)
    assert not center.calls(PUBLISHER, "another-offer")


def test_what_stood_in_the_way_is_said_when_time_is_over(
    told_impatiently: dict[str, Told],
) -> None:
    begun = told_impatiently["partner-center-is-down"]
    assert "503" in outcome_mail(begun.stack, begun.request_id).text


def test_the_last_state_is_said_when_the_end_is_not_known(
    told_impatiently: dict[str, Told],
) -> None:
    begun = told_impatiently["cancel-ignored"]
    assert "running" in outcome_mail(begun.stack, begun.request_id).text


def test_an_offer_that_partner_center_does_not_know_is_rejected(stack: Stack) -> None:
    stack.partner_center.create_offer(PUBLISHER, "known-offer", "never-published")
    request_id = enqueue(stack, message_for("unknown-offer"))
    assert outcome_of(stack, request_id) == "rejected"
    assert "The offer does not exist." in outcome_mail(stack, request_id).text


def test_a_publisher_that_partner_center_gives_no_access_to_is_rejected(stack: Stack) -> None:
    request_id = enqueue(stack, message_for("some-offer", publisherId="fabrikam"))
    assert outcome_of(stack, request_id) == "rejected"
    assert "User does not have the required permissions" in outcome_mail(stack, request_id).text


def test_the_operation_that_is_named_decides_and_not_the_newest(stack: Stack) -> None:
    center, offer = stack.partner_center, "operation-named"
    center.create_offer(PUBLISHER, offer, "cancels-at-once", past="succeeded")
    older, running = center.truth(PUBLISHER, offer)
    about_older = enqueue(stack, message_for(offer, operationId=older.id))
    assert outcome_of(stack, about_older) == "completed-first"
    assert center.truth(PUBLISHER, offer)[1].cancel_requested_at is None
    about_running = enqueue(stack, message_for(offer, operationId=running.id))
    assert outcome_of(stack, about_running) == "canceled"


def test_an_operation_that_nobody_knows_is_rejected_in_the_end(stack: Stack) -> None:
    stack.partner_center.create_offer(PUBLISHER, "operation-unknown", "cancels-at-once")
    message = message_for(
        "operation-unknown",
        operationId="00000000-0000-0000-0000-00000000dead",
        requestedAt="2026-01-01T00:00:00Z",
    )
    request_id = enqueue(stack, message.replace("2026-01-01T00:00:00Z", _minutes_ago(3)))
    assert outcome_of(stack, request_id) == "rejected"
    assert "OperationNotFound" in outcome_mail(stack, request_id).text
    assert not stack.partner_center.truth(PUBLISHER, "operation-unknown")[0].cancel_requested_at


def test_only_partner_centers_own_token_is_sent_there(told: dict[str, Told], stack: Stack) -> None:
    event_of(stack, told["cancels-after-202"].request_id, "mail-sent")
    assert set(stack.partner_center.authorizations) == {f"Bearer {stack.partner_center.token}"}


def _minutes_ago(minutes: int) -> str:
    return datetime.fromtimestamp(datetime.now(UTC).timestamp() - minutes * 60, UTC).isoformat()
