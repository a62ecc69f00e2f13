"""Durations as .NET writes them in host.json: ``[days.]hours:minutes:seconds[.fraction]``."""

import re
from datetime import timedelta

_TIME_SPAN = re.compile(
    r"(?:(?P<days>\d+)\.)?(?P<hours>[01]?\d|2[0-3]):(?P<minutes>[0-5]?\d)"
    r":(?P<seconds>[0-5]?\d(?:\.\d{1,7})?)"
)


def parse_time_span(text: str) -> timedelta:
    """Return the duration; raises ValueError with the form expected."""
    match = _TIME_SPAN.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a duration in the form hh:mm:ss")
    return timedelta(**{unit: float(number or 0) for unit, number in match.groupdict().items()})
