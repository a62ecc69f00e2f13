"""Whether who asks wants a page or JSON (RFC 9110, section 12.5.1)."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

VARY: Final[Mapping[str, str]] = MappingProxyType({"Vary": "Accept"})
"""What goes with either, so that no cache hands out one for the other."""


def wants_html(accept: str) -> bool:
    """Whether HTML is asked for by name, and JSON not rather.

    Args:
        accept: The ``Accept`` header, or empty. Anything is safe to ask about; a range that cannot
            be read counts as not there.
    """
    ranges = dict(_ranges(accept))
    html = ranges.get("text/html", 0.0)
    named = ranges.get("application/json")
    if named is not None:
        return html > named
    by_wildcard = ranges.get("application/*", ranges.get("*/*", 0.0))
    return html > 0 and html >= by_wildcard


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for part in accept.lower().split(","):
        name, *parameters = (each.strip() for each in part.split(";"))
        weights = [each.removeprefix("q=") for each in parameters if each.startswith("q=")]
        try:
            yield name, min(float(weights[0]), 1.0) if weights else 1.0
        except ValueError:
            continue
