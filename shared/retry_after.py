"""Reading the ``Retry-After`` header: seconds, or a date."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime


def retry_after_seconds(
    value: str, received_at: datetime, clock_offset: timedelta = timedelta()
) -> float | None:
    """How long it asks to wait, not negative; None for what is neither a number nor a date.

    Args:
        value: As received.
        received_at: When, on our clock.
        clock_offset: The clock of who sent it minus ours.
    """
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    when = http_date(value)
    if when is None:
        return None
    return max((when - received_at - clock_offset).total_seconds(), 0.0)


def http_date(value: str) -> datetime | None:
    """A date as HTTP has it, in UTC where it has no offset; None for what is none."""
    try:
        parsed = parsedate_to_datetime(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
