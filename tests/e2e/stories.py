"""What is asked of the stacks: every scenario of the simulator, and how each has to end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from devstack.partner_center import TrueOperation
from devstack.stack import Stack
from tests.e2e.asking import PUBLISHER, ask, enqueue, message_for


@dataclass(frozen=True)
class Story:
    """An offer in a scenario whose cancellation is asked for, and the only true end of it.

    Attributes:
        offer: The offer's id; the scenario's name where it tells nothing else.
        outcome: How it has to end.
        knobs: The scenario's knobs that are set otherwise.
        asked_seconds_ago: By queue, asked so long ago; over HTTP where it is zero.
    """

    offer: str
    scenario: str
    outcome: str
    knobs: Mapping[str, object] = field(default_factory=dict)
    asked_seconds_ago: float = 0.0


@dataclass(frozen=True)
class Told:
    """A story that was begun.

    Attributes:
        meant: The publish that ran when the cancellation was asked for.
    """

    story: Story
    stack: Stack
    request_id: str
    asked_at: datetime
    meant: str | None


def tell(stack: Stack, story: Story) -> Told:
    """Bring the offer to life and ask for the cancellation."""
    stack.partner_center.create_offer(PUBLISHER, story.offer, story.scenario, **story.knobs)
    asked_at = datetime.now(UTC) - timedelta(seconds=story.asked_seconds_ago)
    # What is true now is what was true then, but for those that ended or started in between.
    truth = stack.partner_center.truth(PUBLISHER, story.offer)
    ran = (each.id for each in truth if _ran_at(each, asked_at))
    if story.asked_seconds_ago:
        message = message_for(story.offer, requestedAt=asked_at.isoformat())
        request_id = enqueue(stack, message)
    else:
        request_id = ask(stack, story.offer)
    return Told(story, stack, request_id, asked_at, meant=next(ran, None))


def _ran_at(operation: TrueOperation, instant: datetime) -> bool:
    # A second, since the offer was made right before, and by another clock.
    has_started = operation.started_at <= instant + timedelta(seconds=1)
    return has_started and (operation.ended_at is None or operation.ended_at > instant)


_OUTCOMES = {
    "canceled": """
        cancels-after-202 cancels-by-new-operation cancel-operation-listed not-migrated
        cancels-at-once answers-200-cancels-later operation-location-absolute location-in-body
        no-location queued-publish
        busy-409-then-accepts needs-if-match
        throttled-seconds throttled-date throttled-reads unavailable-503 failing-500
        error-though-carried-out slow-answers answer-lost answer-lost-then-404 answer-lost-then-409
        connection-dropped token-expires-once
        location-foreign-host location-other-publisher location-other-offer
        list-lags list-lags-behind-past list-gone-400 list-gone-404 list-gone-405 list-gone-410
        list-oldest-first
        words-pascal words-documented words-snake words-unknown
        waits-for-review operation-as-array operation-says-completed operation-says-failed
        sampled-fields-only clock-ahead clock-behind times-without-zone
    """,
    "nothing-to-cancel": "idle-but-202 never-published",
    "completed-first": "completes-first newer-before-cancel",
    "failed-first": "fails-first",
    "cancel-failed": "cancel-fails",
    "rejected": "refused-400 refused-403 refused-404",
}
_IMPATIENT_OUTCOMES = {
    "unconfirmed": "cancel-ignored words-unknown-end",
    "expired": "redirects-reads oversized-body endless-body html-reads",
}
# A 409 is believed after five minutes only: here it is just still tried.
ENDLESS = Story("refused-409", "refused-409", "")
NEWER_BEFORE_CANCEL = "newer-before-cancel"


def _stories(outcomes: Mapping[str, str]) -> list[Story]:
    return [
        Story(scenario, scenario, outcome)
        for outcome, scenarios in outcomes.items()
        for scenario in scenarios.split()
    ]


STORIES = [
    *_stories(_OUTCOMES),
    # Late enough that the cancel call goes to the older publish, on a busy machine too.
    Story(
        "replaced-by-newer",
        "replaced-by-newer",
        "completed-first",
        knobs={
            "ends_after_seconds": 25,
            "next_publish_after_seconds": 26,
            "cancel_seconds": 600,
        },
    ),
    Story(
        "published-after-asking",
        "cancels-after-202",
        "superseded",
        knobs={"past": "succeeded", "past_ended_seconds_ago": 100, "started_seconds_ago": 30},
        asked_seconds_ago=60,
    ),
    Story(
        "idle-when-asked",
        "idle-but-202",
        "nothing-to-cancel",
        knobs={"past": "failed", "past_ended_seconds_ago": 600},
        asked_seconds_ago=60,
    ),
    Story(
        "ended-after-asking",
        "idle-but-202",
        "completed-first",
        knobs={"past_ended_seconds_ago": 30},
        asked_seconds_ago=60,
    ),
]
IMPATIENT_STORIES = [
    *_stories(_IMPATIENT_OUTCOMES),
    Story(
        "partner-center-is-down",
        "unavailable-503",
        "expired",
        knobs={"faults": [{"on": ["list", "status", "operation", "cancel"], "status": 503}]},
    ),
]


def names_of(stories: list[Story]) -> list[str]:
    return [story.offer for story in stories]
