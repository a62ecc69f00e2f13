"""The text/plain part: what a phone's lock screen, a pager or a program reads."""

from collections.abc import Iterable, Iterator
from textwrap import TextWrapper

from shared.notification.content import Content
from shared.notification.wording import PARTNER_CENTER_URL

_WIDTH = 76
_LABEL_WIDTH = 15


def as_text(content: Content) -> str:
    """The mail as lines of at most 76 characters; only a longer word exceeds that."""
    return "\n".join(_lines(content)) + "\n"


def _lines(content: Content) -> Iterator[str]:
    yield content.headline
    yield f"{content.publisher} / {content.offer}"
    yield ""
    yield from _wrapped(content.meaning)
    for quote in content.quotes:
        yield ""
        yield f"{quote.label}:"
        yield from _wrapped(quote.words, first="  ", rest="  ")
    yield from _section("TAKE CARE", content.warnings)
    yield from _section("WHAT TO DO NOW", content.steps)
    yield ""
    yield f"  {PARTNER_CENTER_URL}"
    yield f"  Look for the offer {content.offer} there."
    yield ""
    yield "DETAILS"
    for label, value in content.facts:
        yield from _wrapped(value, first=f"{label}:".ljust(_LABEL_WIDTH), rest=" " * _LABEL_WIDTH)
    yield ""
    yield "Sent by Offer Cancel. Times are UTC."


def _section(title: str, points: Iterable[str]) -> Iterator[str]:
    for number, point in enumerate(points):
        if number == 0:
            yield ""
            yield title
        yield from _wrapped(point, first="- ", rest="  ")


def _wrapped(text: str, first: str = "", rest: str = "") -> list[str]:
    wrapper = TextWrapper(
        width=_WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        # An id or address broken in two can no longer be searched for.
        break_long_words=False,
        break_on_hyphens=False,
    )
    return wrapper.wrap(text)
