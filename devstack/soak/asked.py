"""What was asked for during a soak, and what those who asked were told."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class Asked:
    """A cancellation that somebody asked for, and asked for again until it was taken.

    Attributes:
        by: ``http``, ``queue`` or ``webhook``.
        first_at: When it was asked for first; by queue, when the message says so. Without a key
            each try is a request of its own, and this is the last one.
        key: Its ``Idempotency-Key``, or the id of its delivery; empty for none.
        request_id: The id that it was first taken under; empty until then.
        ids: Every id that it was taken under.
        email: The address that only the last try gave, to tell whose cancel call is whose.
        taken_at: When it was taken.
        sent_again: How often it was sent again with its key, and taken.
        conflicts: How often something else was sent with its key, and refused.
        taken_back_at: When it was first asked to be withdrawn; None if nobody did.
        is_withdrawn: Whether that was answered with yes; None for no answer.
        withdrawn_at: When that answer came.
    """

    offer: str
    by: str
    first_at: datetime
    key: str = ""
    request_id: str = ""
    ids: set[str] = field(default_factory=set)
    email: str = ""
    taken_at: datetime | None = None
    sent_again: int = 0
    conflicts: int = 0
    taken_back_at: datetime | None = None
    is_withdrawn: bool | None = None
    withdrawn_at: datetime | None = None

    def taken(self, request_id: str, at: datetime) -> None:
        """It was taken, for the first time or once more."""
        self.request_id, self.taken_at = self.request_id or request_id, self.taken_at or at
        self.ids.add(request_id)
