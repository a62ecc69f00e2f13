"""Everything a mail says, before anyone decides how to say it."""

from dataclasses import dataclass
from datetime import datetime

from shared.models import Outcome, Refusal


@dataclass(frozen=True, kw_only=True)
class Notice:
    """The facts of one mail. Every time is aware.

    Attributes:
        now: When the mail is written.
        outcome: How the request ended; None for the mail that says NOT YET CANCELED.
        recipients: Whom the mail goes to.
        target_operation_id: The operation to cancel, once it is known.
        post_sent_at: When the cancel call was first sent; None if none was.
        last_state: The last state word seen of Partner Center, and ``last_state_at`` when.
        refusal: What Partner Center answered to a cancel call that it did not take.
        last_error: What stood in the way last, as a sentence, or empty.
        also_canceled: Operations that started between our look and our cancel call and were found
            canceled: this request may have hit them.
        newer_unknown: Whether the list could not be read after the cancel call, so that nobody
            knows whether it hit another operation.
        dropped_emails: How many addresses of the request could not be used.
        replaces: When the mail went out that this one replaces, which said that the end was not
            known.
        expires_at: When we stop trying; for the mail without an outcome.
        trace_id: The trace that the request came with, or empty.
    """

    request_id: str
    publisher_id: str
    offer_id: str
    requested_at: datetime
    now: datetime
    recipients: tuple[str, ...]
    outcome: Outcome | None = None
    reason: str = ""
    target_operation_id: str | None = None
    post_sent_at: datetime | None = None
    last_state: str = ""
    last_state_at: datetime | None = None
    refusal: Refusal | None = None
    last_error: str = ""
    also_canceled: tuple[str, ...] = ()
    newer_unknown: bool = False
    dropped_emails: int = 0
    replaces: datetime | None = None
    expires_at: datetime | None = None
    trace_id: str = ""
