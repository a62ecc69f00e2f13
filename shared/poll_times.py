"""When a pending cancellation is polled next, and until when."""

import random
from datetime import datetime, timedelta

from shared.backoff import MAX_BACKOFF_SECONDS, backoff_seconds
from shared.models import PendingCancellation

FIRST_POLL_SECONDS = 10.0
TICK_SECONDS = 13.0  # just under the schedule's 15, so that a message is due at every tick
STEADY_SECONDS = 1200.0
AGE_SHARE = 40
JITTER = 0.1
LAST_DEADLINE = timedelta(hours=24)


def next_poll_seconds(pending: PendingCancellation, now: datetime, readings: int = 1) -> float:
    """Every tick for 20 minutes, then each time a fortieth of its age, up to 15 minutes.

    What is bounded are a request's calls, and not its polls: the more readings a poll takes, and
    the longer the cancel call was tried before, the faster the cancellation ages.

    Args:
        pending: The state after the poll.
        now: The time now, on our clock.
        readings: How many the poll took.
    """
    age = _age(pending, now).total_seconds() * readings / _share_left(pending)
    if age < STEADY_SECONDS:
        return _jittered(TICK_SECONDS)
    return _jittered(min(age / AGE_SHARE, MAX_BACKOFF_SECONDS))


def retry_poll_seconds(
    pending: PendingCancellation, retry_after: float | None, now: datetime
) -> float:
    """Later after each failure in a row, and never sooner than a poll that had not failed."""
    backoff = backoff_seconds(TICK_SECONDS, pending.failures, retry_after)
    return max(backoff, next_poll_seconds(pending, now))


def is_overdue(pending: PendingCancellation, now: datetime, confirm_deadline: timedelta) -> bool:
    """Whether the cancellation took too long: readable time first, 24 hours in any case."""
    spent = timedelta(seconds=pending.readable_seconds)
    return spent >= confirm_deadline or is_past_last_deadline(pending, now)


def is_past_last_deadline(pending: PendingCancellation, now: datetime) -> bool:
    """Whether polling began a day ago."""
    return _age(pending, now) >= LAST_DEADLINE


def _age(pending: PendingCancellation, now: datetime) -> timedelta:
    """How long it has been polled; a first cancel call may be much older than that."""
    return now - _began(pending)


def _began(pending: PendingCancellation) -> datetime:
    return pending.followed_since or pending.post_sent_at or pending.requested_at


def _share_left(pending: PendingCancellation) -> float:
    """The share of a day's calls that the tries of the cancel call have left for polling.

    All of it where a request is more than a day old: a person has put it back.
    """
    left = 1 - (_began(pending) - pending.requested_at) / LAST_DEADLINE
    return left if 0 < left < 1 else 1.0


def _jittered(seconds: float) -> float:
    # Spreads polls of requests that came together; nothing depends on it being unpredictable.
    return seconds * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
