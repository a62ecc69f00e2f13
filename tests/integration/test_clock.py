"""Clocks that are off by five minutes, Partner Center's and Storage's: the outcome is the same.

What hangs on time is whether a publish started, or ended, before the request was made or after.
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.utils import format_datetime

import pytest
import requests

from shared.queues import QueuedMessage, StorageQueue
from shared.storage_clock import StorageClock
from tests.integration.stage import PUBLISHER, Stage

pytestmark = pytest.mark.integration

OFF_SECONDS = (-300, 0, 300)


@dataclass(frozen=True)
class Story:
    """A request and what its offer goes through.

    Attributes:
        asked_seconds_ago: As the producer says; it says nothing where None.
        published_after: So many seconds after the message was put, and before it is received.
    """

    scenario: str
    outcome: str
    knobs: dict[str, object] = field(default_factory=dict)
    asked_seconds_ago: float | None = None
    published_after: float | None = None


IDLE = {"runs": False, "past": "succeeded", "past_ended_seconds_ago": 3600}
STORIES = {
    "runs": Story("cancels-after-202", "canceled"),
    "has-just-started": Story("cancels-after-202", "canceled", {"started_seconds_ago": 10}),
    "started-before-the-time-given": Story(
        "cancels-after-202", "canceled", {"started_seconds_ago": 70}, asked_seconds_ago=60
    ),
    "started-after-the-time-given": Story(
        "cancels-after-202",
        "superseded",
        {"past": "succeeded", "past_ended_seconds_ago": 600, "started_seconds_ago": 30},
        asked_seconds_ago=60,
    ),
    "started-while-the-message-waited": Story(
        "cancels-after-202", "superseded", IDLE, published_after=60
    ),
    "ended-before": Story(
        "idle-but-202",
        "nothing-to-cancel",
        {"past": "failed", "past_ended_seconds_ago": 90},
        asked_seconds_ago=60,
    ),
    "ended-after": Story(
        "idle-but-202", "completed-first", {"past_ended_seconds_ago": 30}, asked_seconds_ago=60
    ),
    "ends-while-it-is-followed": Story("completes-first", "completed-first"),
}


class QueueByAnotherClock:
    """The queue, on a service whose clock is ahead by so much."""

    def __init__(self, real: StorageQueue, ahead: timedelta) -> None:
        self._real, self._ahead = real, ahead

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)

    def receive(self, most: int, lease_seconds: float) -> list[QueuedMessage]:
        received = self._real.receive(most, lease_seconds)
        return [replace(each, inserted_at=each.inserted_at + self._ahead) for each in received]


def clock_learned(stage: Stage, ahead: timedelta) -> StorageClock:
    """What the app knows of Storage's clock after one answer."""
    clock = StorageClock(stage.time)
    answer = requests.Response()
    answer.headers["Date"] = format_datetime(stage.time() + ahead, usegmt=True)
    answer.elapsed = timedelta()
    clock.observe(answer)
    return clock


@pytest.mark.parametrize("storage", OFF_SECONDS)
@pytest.mark.parametrize("partner_center", OFF_SECONDS)
@pytest.mark.parametrize("name", STORIES)
def test_a_clock_that_is_off_changes_no_outcome(
    stage: Stage, name: str, partner_center: int, storage: int
) -> None:
    story, ahead = STORIES[name], timedelta(seconds=storage)
    stage.given(story.scenario, clock_offset_seconds=partner_center, **story.knobs)
    stage.requests.adapter = QueueByAnotherClock(stage.requests.adapter, ahead)  # type: ignore[assignment]
    given = {}
    if story.asked_seconds_ago is not None:
        asked_at = stage.time() + ahead - timedelta(seconds=story.asked_seconds_ago)
        given = {"requestedAt": asked_at.isoformat()}
    request_id = stage.ask(**given)
    if story.published_after is not None:
        stage.time.advance(story.published_after)
        stage.simulator.publish(PUBLISHER, stage.offer)
    stage.play_out(request_id, on_our_clock=clock_learned(stage, ahead).ours)
    assert stage.outcome(request_id) == story.outcome
    assert stage.mail.message["X-Offer-Cancel-Outcome"] == story.outcome
    assert bool(stage.posts) == (story.outcome == "canceled" or name.startswith("ends-"))
