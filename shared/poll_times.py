"""When a pending cancellation is polled next, and until when."""

import random
from datetime import datetime, timedelta

from shared.backoff import MAX_BACKOFF_SECONDS
from shared.models import PendingCancellation

FIRST_POLL_SECONDS = 10.0
TICK_SECONDS = 13.0  # just under the schedule's 15, so that a message is due at every tick
STEADY_MINUTES = 5
MAX_POLL_SECONDS = 60.0
JITTER = 0.1
LAST_DEADLINE = timedelta(hours=24)


def next_poll_seconds(pending: PendingCancellation, now: datetime) -> float:
    """Every tick for five minutes, then growing with the age to a minute."""
    age = (now - (pending.post_sent_at or pending.requested_at)).total_seconds()
    if age < STEADY_MINUTES * 60:
        return _jittered(TICK_SECONDS)
    return _jittered(min(max(TICK_SECONDS, age / 20), MAX_POLL_SECONDS))


def retry_poll_seconds(failures: int, retry_after: float | None) -> float:
    """Later after each failure in a row, and never before Partner Center asked to wait."""
    growing = TICK_SECONDS * 2 ** min(failures, 10)
    return min(max(_jittered(growing), retry_after or 0.0), MAX_BACKOFF_SECONDS)


def is_overdue(pending: PendingCancellation, now: datetime, confirm_deadline: timedelta) -> bool:
    """Whether the cancellation took too long: readable time first, 24 hours in any case."""
    spent = timedelta(seconds=pending.readable_seconds)
    return spent >= confirm_deadline or is_past_last_deadline(pending, now)


def is_past_last_deadline(pending: PendingCancellation, now: datetime) -> bool:
    """Whether polling began a day ago; a first cancel call may be much older than that."""
    since = pending.followed_since or pending.post_sent_at or pending.requested_at
    return now - since >= LAST_DEADLINE


def _jittered(seconds: float) -> float:
    # Spreads polls of requests that came together; nothing depends on it being unpredictable.
    return seconds * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
