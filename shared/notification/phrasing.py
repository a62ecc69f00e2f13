"""Values from outside as words for people: cleaned text, times, durations, short names."""

import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Final

_UNITS: Final = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
# Joiners are needed to write some languages; every other format character can hide or turn text
# round (bidirectional overrides, zero-width spaces, tags).
_KEPT_FORMAT_CHARACTERS: Final = "\u200c\u200d"
_DROPPED_CATEGORIES: Final = frozenset({"Cf", "Cn", "Co", "Cs"})
_SPACE_CATEGORIES: Final = frozenset({"Cc", "Zl", "Zp", "Zs"})


def plain(text: str, limit: int = 2000) -> str:
    """One line of what people can see: no control characters, no hidden or turned-round text."""
    shown = "".join(_shown(character) for character in text[: 2 * limit])
    return shorten(" ".join(shown.split()), limit, keep_end=False)


def ascii_word(text: str) -> str:
    """For a header: printable ASCII without spaces, everything else as ``?``."""
    return "".join(character if "!" <= character <= "~" else "?" for character in text)


def shorten(text: str, limit: int, *, keep_end: bool = True) -> str:
    """At most ``limit`` characters, with ``...`` for what is left out.

    Args:
        text: What to shorten.
        limit: At least 8.
        keep_end: Leave out the middle: the ids of one family differ at their ends.
    """
    if len(text) <= limit:
        return text
    tail = (limit - 3) // 2 if keep_end else 0
    return f"{text[: limit - 3 - tail]}...{text[len(text) - tail :]}"


def short_name(publisher_id: str, offer_id: str, limit: int) -> str:
    """``publisher/offer`` in ASCII, with as much of both as fits in ``limit`` (at least 20)."""
    publisher, offer = ascii_word(publisher_id), ascii_word(offer_id)
    room = limit - 1
    for_publisher = max(room // 2, room - len(offer))
    publisher = shorten(publisher, for_publisher)
    return f"{publisher}/{shorten(offer, room - len(publisher))}"


def moment(when: datetime) -> str:
    """As ``2026-03-04 05:06:07 UTC``."""
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def duration(span: timedelta) -> str:
    """In its two largest units, as ``3 minutes 20 seconds``."""
    seconds = int(span.total_seconds())
    parts: list[str] = []
    for unit, size in _UNITS:
        count, seconds = divmod(seconds, size) if seconds > 0 else (0, 0)
        if count:
            parts.append(f"{count} {unit}{'s' if count > 1 else ''}")
        if parts and (len(parts) == 2 or not count):
            break
    return " ".join(parts) or "less than a second"


def _shown(character: str) -> str:
    category = unicodedata.category(character)
    if category in _SPACE_CATEGORIES:
        return " "
    if category in _DROPPED_CATEGORIES and character not in _KEPT_FORMAT_CHARACTERS:
        return ""
    return character
