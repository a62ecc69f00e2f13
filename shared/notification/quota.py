"""Keeps to what a mail service lets one send, so that it is never asked for more than it gives.

What it refuses for being too much counts against the quota all the same, so asking again too soon
makes the wait longer.
"""

import re
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.errors import MailDeferredError

_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)
_FORM = re.compile(r"([1-9][0-9]{0,6})/([1-9][0-9]{0,6})", re.ASCII)


@dataclass(frozen=True)
class Quota:
    """How many mails may be sent in any minute and in any hour."""

    per_minute: int
    per_hour: int


def parse_quota(text: str) -> Quota:
    """Read ``30/100``: so many per minute, so many per hour.

    Raises:
        ValueError: What is wrong, as the rest of a sentence about the setting.
    """
    found = _FORM.fullmatch(text)
    if not found:
        raise ValueError("must be mails per minute and per hour, as 30/100")
    return Quota(int(found[1]), int(found[2]))


class QuotaGate:
    """Counts what is sent, and closes when no more may be. Threads share it.

    It counts for this process alone: what others send on the same quota shows when the service
    asks to wait, which is passed on to ``close_for``.
    """

    def __init__(self, quota: Quota, clock: Callable[[], datetime]) -> None:
        """Nothing is sent yet."""
        self._windows = ((_MINUTE, quota.per_minute), (_HOUR, quota.per_hour))
        self._clock = clock
        self._lock = threading.Lock()
        # No more than the hour's are needed: the oldest of them says when the next may go.
        self._sent: deque[datetime] = deque(maxlen=max(quota.per_minute, quota.per_hour))
        self._opens_at: datetime | None = None

    def enter(self) -> None:
        """Count one more mail.

        Raises:
            MailDeferredError: It may not be sent yet; says when it may.
        """
        with self._lock:
            now = self._clock()
            opens_at = max(filter(None, (self._opens_at, *self._full_until())), default=now)
            if opens_at > now:
                raise MailDeferredError(
                    "the mail service's quota is used up for now, so it was not tried",
                    retry_after=(opens_at - now).total_seconds(),
                )
            self._sent.append(now)

    def close_for(self, seconds: float) -> None:
        """Let nothing through for so long: the service asked for it."""
        with self._lock:
            opens_at = self._clock() + timedelta(seconds=seconds)
            self._opens_at = max(self._opens_at or opens_at, opens_at)

    def _full_until(self) -> list[datetime]:
        """When each window has room again; in the past where it has."""
        return [
            self._sent[-most] + window for window, most in self._windows if len(self._sent) >= most
        ]
