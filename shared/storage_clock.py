"""Storage's clock beside ours, as far as the ``Date`` of its answers tells.

Storage says when a message was put there. Put beside times of our own, or of Partner Center, it has
to be on the same clock: else a publish that ran could look as if it had started after the request.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import requests

_WHOLE_SECOND = timedelta(seconds=1)  # what the header leaves out


class StorageClock:
    """Knows by how much the clocks differ at least. Safe to share between threads."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        """Compare with this clock; the two are taken for one until there is an answer."""
        self._clock = clock
        self._ahead = timedelta()

    def ours(self, when: datetime) -> datetime:
        """A time of Storage's on our clock."""
        return when - self._ahead

    def observe(self, answer: requests.Response) -> None:
        """Learn from an answer that has just come.

        Its date was written somewhere between request and answer: of all differences that this
        leaves the smallest is taken, so that a slow answer is no difference.
        """
        date = _date_of(answer)
        if date is None:
            return
        received = self._clock()
        least = date - received
        most = date + _WHOLE_SECOND - (received - answer.elapsed)
        self._ahead = max(least, min(most, timedelta()))


def _date_of(answer: requests.Response) -> datetime | None:
    try:
        return parsedate_to_datetime(answer.headers.get("Date", "")).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
