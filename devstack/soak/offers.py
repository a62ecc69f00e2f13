"""The offers that a soak cancels on: each in a scenario of the simulator, and what befalls it."""

import contextlib
import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from devstack.partner_center import OperationRunningError, State
from devstack.stack import Stack

PUBLISHER = "contoso"
_RECENT = 40

# Those that come to an end within seconds, whatever it is; more often what is common.
_COMMON = ("cancels-after-202", "cancels-at-once", "cancels-by-new-operation", "not-migrated")
_SCENARIOS = (
    *_COMMON * 3,
    "cancel-operation-listed",
    "answers-200-cancels-later",
    "operation-location-absolute",
    "location-in-body",
    "no-location",
    "queued-publish",
    "idle-but-202",
    "never-published",
    "completes-first",
    "fails-first",
    "cancel-fails",
    "cancel-ignored",
    "replaced-by-newer",
    "newer-before-cancel",
    "refused-400",
    "refused-403",
    "refused-404",
    "refused-409",
    "busy-409-then-accepts",
    "needs-if-match",
    "throttled-reads",
    "error-though-carried-out",
    "answer-lost",
    "answer-lost-then-404",
    "answer-lost-then-409",
    "token-expires-once",
    "location-foreign-host",
    "list-gone-404",
    "words-documented",
    "words-unknown-end",
    "operation-says-completed",
    "sampled-fields-only",
    "clock-ahead",
    "clock-behind",
    "times-without-zone",
)


@dataclass(frozen=True)
class OfferStory:
    """An offer to be made, and how the cancellation on it is asked for.

    Attributes:
        asked_seconds_ago: How long ago the request says it was made; only by queue.
        names_unknown: Whether the request names an operation that nobody knows.
    """

    scenario: str
    knobs: Mapping[str, Any] = field(default_factory=dict)
    asked_seconds_ago: float = 0.0
    names_unknown: bool = False


# Where nobody can tell when anything started or ended, one request is all that can be judged: what
# a second one finds may be the work of the first.
_WITHOUT_TIMES = frozenset({"list-gone-404", "sampled-fields-only"})
_LAGGING = OfferStory("list-lags", {"list_lag_seconds": 1})  # less than until the second look
# What other services put on the queue late.
_LATE = (
    OfferStory(
        "cancels-after-202",
        {"past": "succeeded", "past_ended_seconds_ago": 100, "started_seconds_ago": 30},
        asked_seconds_ago=60,
    ),
    OfferStory(
        "cancels-after-202", {"started_seconds_ago": 26 * 3600}, asked_seconds_ago=25 * 3600
    ),
    OfferStory("idle-but-202", {"past_ended_seconds_ago": 30}, asked_seconds_ago=60),
    OfferStory("cancels-after-202", asked_seconds_ago=200, names_unknown=True),
)


def draw_story(draw: random.Random) -> OfferStory:
    """The story of an offer that is to be made."""
    if draw.random() < 0.08:
        return draw.choice((*_LATE, _LAGGING))
    return OfferStory(draw.choice(_SCENARIOS))


class Offers:
    """The offers so far. Safe for threads."""

    def __init__(self, stack: Stack) -> None:
        """Start without any."""
        self._stack = stack
        self._lock = threading.Lock()
        self._made: set[str] = set()
        self.stories: dict[str, OfferStory] = {}

    def make(self, story: OfferStory) -> str:
        """Bring an offer to life and return its id."""
        with self._lock:
            name = f"offer-{len(self.stories) + 1}"
            self.stories[name] = story
        self._stack.partner_center.create_offer(PUBLISHER, name, story.scenario, **story.knobs)
        self._made.add(name)
        return name

    def recent(self, draw: random.Random) -> str | None:
        """One of those that were made last and can bear another request, if there is one."""
        with self._lock:
            known = [name for name in self.stories if self._can_be_asked_again(name)]
        return draw.choice(known[-_RECENT:]) if known else None

    def _can_be_asked_again(self, name: str) -> bool:
        return name in self._made and self.stories[name].scenario not in _WITHOUT_TIMES

    def running(self, offer: str) -> str | None:
        """The id of the publish that runs on an offer."""
        truth = self._stack.partner_center.truth(PUBLISHER, offer)
        return next((each.id for each in truth if not each.state.is_terminal), None)

    def publish(self, offer: str) -> None:
        """Start another publish, unless one runs."""
        with contextlib.suppress(OperationRunningError):
            self._stack.partner_center.publish(PUBLISHER, offer)

    def end_publish(self, offer: str, draw: random.Random) -> None:
        """End the publish that runs, by itself or by hand in the portal."""
        ends = (State.SUCCEEDED, State.FAILED, State.CANCELED)
        self._stack.partner_center.finish(PUBLISHER, offer, draw.choice(ends))
