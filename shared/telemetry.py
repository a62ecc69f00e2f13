"""One JSON line per event, so that a log query can follow a request by its id, and by its trace.

The event is the log message itself: structured ``extra`` fields do not survive the Python worker
(azure-functions-python-worker issues 694 and 1681). Addresses and tokens never get into a line,
wherever the text came from.
"""

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

from shared.errors import ConfigurationError
from shared.tracing import current_request_id, current_trace_id

LOGGER_NAME = "offer_cancel"
MAX_DETAIL_CHARACTERS = 1000

_logger = logging.getLogger(LOGGER_NAME)
_SECRETS = re.compile(
    # Linear in any text: a word is tried at its start only, and a token's first part is bounded.
    r"""(?:"[^"]*"|(?<![^\s<>,;])[^\s<>,;]+)(?:@|%40)[^\s<>,;]+
      | bearer\s+\S+
      | \beyJ[\w-]{1,2000}+\.[\w.-]+""",
    re.IGNORECASE | re.VERBOSE,
)


def event(name: str, *, request_id: str = "", level: int = logging.INFO, **details: Any) -> None:
    """Write one event.

    Args:
        name: What happened, in kebab-case; stable, since queries and alerts name it.
        request_id: The request it belongs to; by default the one that this thread works on.
        level: ``logging.WARNING`` for what a person may want to look at, ``ERROR`` for what a
            person must.
        details: Facts in camelCase; None and empty ones are left out.
    """
    line = {
        "event": name,
        "level": logging.getLevelName(level).lower(),
        "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestId": request_id or current_request_id(),
        "traceId": current_trace_id(),
        **{key: _clean(value) for key, value in details.items()},
    }
    _logger.log(level, json.dumps({k: v for k, v in line.items() if v not in (None, "", [])}))


def settings_unusable(error: ConfigurationError, request_id: str = "") -> None:
    """Write every problem of a part of the settings at once: a person must mend it."""
    event(
        "settings-unusable",
        request_id=request_id,
        level=logging.ERROR,
        part=error.part,
        problems=error.problems,
    )


def seconds_between(first: datetime | None, last: datetime) -> float | None:
    """Seconds from one time to the other, for an event; None where the first is not known."""
    return None if first is None else round((last - first).total_seconds(), 1)


def without_secrets(text: str) -> str:
    """Text from outside, cut to a sane length, with addresses and tokens masked.

    Half a surrogate pair becomes ``?``: it is legal in JSON and nowhere that it goes from here.
    """
    cut = text[:MAX_DETAIL_CHARACTERS].encode("utf-8", "replace").decode()
    return masked(cut)


def masked(text: str) -> str:
    """Text of any length, with addresses and tokens masked."""
    return _SECRETS.sub("<hidden>", text)


def _clean(value: Any) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case list() | tuple():
            return [_clean(item) for item in value]
        case _:
            return without_secrets(str(value))
