"""What the service decides on: who may send, how much, and what goes wrong on purpose."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil

_HOUR_SECONDS = 3600.0
_WINDOWS = (60.0, _HOUR_SECONDS)


@dataclass(frozen=True, kw_only=True)
class AcsTrouble:
    """What becomes of sends, until it is taken back.

    Attributes:
        status: Another status in place of the answer, with ``code`` and ``message`` as its error.
        retry_after: The header of that name.
        carried_out: The mail is taken all the same.
        drop: The connection is closed in place of an answer.
        body: Another body in place of the envelope, as it stands.
        first: Only so many sends meet it; all of them if not given.
    """

    status: int | None = None
    code: str = ""
    message: str = ""
    retry_after: str = ""
    carried_out: bool = False
    drop: bool = False
    body: str | None = None
    first: int | None = None


@dataclass
class Throttle:
    """The quota of a subscription: so many sends in any minute and any hour.

    What is refused counts as well, as it does in Azure.
    """

    clock: Callable[[], float]
    limits: tuple[int, int]
    _asked_at: deque[float] = field(default_factory=deque)

    def ask(self) -> int | None:
        """Count one more; the seconds to wait if it is too much, else None."""
        now = self.clock()
        while self._asked_at and self._asked_at[0] <= now - _HOUR_SECONDS:
            self._asked_at.popleft()
        waits = [
            self._asked_at[-most] + window - now
            for window, most in zip(_WINDOWS, self.limits, strict=True)
            if len(self._asked_at) >= most
        ]
        self._asked_at.append(now)
        longest = max(waits, default=0.0)
        return ceil(longest) if longest > 0 else None
