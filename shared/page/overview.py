"""The list: what is open and for how long, what is poisoned, what ended how."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.listing_entity import Listed
from shared.notification.wording import WORDINGS
from shared.page.facts import mail_words
from shared.page.filters import STATUS_WORDS, Filters, filter_form
from shared.page.frame import Links, card, framed, span, time_tag
from shared.page.markup import Markup, element, joined
from shared.page.poison import Shelf, poison_card
from shared.record import Mail

_MAILED = (Mail.SENT, Mail.NOBODY)


@dataclass(frozen=True, kw_only=True)
class OpenOnes:
    """The requests without an outcome.

    Attributes:
        longest: Those that have been open longest, the longest first.
        count: How many there are.
        is_read: Whether they could be read at all; else nothing is known of them.
        has_more: Whether there are more than were counted, which are older.
    """

    longest: Sequence[Listed]
    count: int
    is_read: bool = True
    has_more: bool = False


@dataclass(frozen=True, kw_only=True)
class EndedOnes:
    """The requests with an outcome, the newest first.

    Attributes:
        continuation: What the next ones are asked for with; empty where there are no more.
    """

    newest: Sequence[Listed]
    continuation: str = ""


@dataclass(frozen=True, kw_only=True)
class Overview:
    """What the list shows; None for a part that was not asked for.

    Attributes:
        shelf: The poison queues; None where they cannot be read.
        is_first: Whether this is the start of the list, which has more than what ended.
    """

    filters: Filters
    open_ones: OpenOnes | None
    ended_ones: EndedOnes | None
    shelf: Shelf | None
    is_first: bool = True


def overview_page(overview: Overview, *, links: Links, now: datetime) -> str:
    """The page with the list."""
    content = joined(
        (
            element("h1", "Cancellations"),
            *_counts(overview, now),
            filter_form(overview.filters, links),
            *_open_card(overview.open_ones, links, now),
            *((poison_card(overview.shelf, links, now),) if overview.is_first else ()),
            *_ended_card(overview, links),
        )
    )
    return framed("Cancellations", content, links=links, now=now)


def _counts(overview: Overview, now: datetime) -> Iterator[Markup]:
    """What matters most at the top of a phone, each a way to its part."""
    counts = []
    if overview.open_ones is not None and overview.open_ones.is_read:
        number = f"{overview.open_ones.count}{'+' * overview.open_ones.has_more}"
        first = next(iter(overview.open_ones.longest), None)
        waits = f", the longest for {span(now - first.created_at)}" if first else ""
        counts.append(("open", number, f"open{waits}"))
    if overview.is_first and overview.shelf is not None:
        number = f"{overview.shelf.count}{'+' * overview.shelf.has_more}"
        counts.append(("poisoned", number, "poisoned"))
    if counts:
        items = (
            element("li", element("a", element("b", number), f" {words}", href=f"#{anchor}"))
            for anchor, number, words in counts
        )
        yield element("ul", *items, class_="counts", role="list")


def _open_card(open_ones: OpenOnes | None, links: Links, now: datetime) -> Iterator[Markup]:
    if open_ones is None:
        return
    title = "Open, the longest first"
    if not open_ones.is_read:
        said = "They could not be read in time: filter by publisher or offer."
        yield card(title, element("p", said), anchor="open")
        return
    if not open_ones.longest:
        yield card(title, element("p", "Nothing."), anchor="open")
        return
    items = (
        _item(each, STATUS_WORDS[each.status], _since(each, now), links)
        for each in open_ones.longest
    )
    content = [element("ul", *items, class_="rows lined", role="list")]
    left_out = open_ones.count - len(open_ones.longest)
    if open_ones.has_more:
        said = "There are more than were counted, older ones too: filter by publisher or offer."
        content.append(element("p", said))
    elif left_out:
        content.append(element("p", f"{left_out} that came later are not shown: filter for them."))
    yield card(title, *content, anchor="open")


def _since(each: Listed, now: datetime) -> Markup:
    return joined(
        (
            element("b", f"for {span(now - each.created_at)}"),
            ", since ",
            time_tag(each.created_at),
            f"; last step {span(now - each.last_step_at)} ago",
        )
    )


def _ended_card(overview: Overview, links: Links) -> Iterator[Markup]:
    ended = overview.ended_ones
    if ended is None:
        return
    items = [
        _item(each, WORDINGS[each.outcome].subject, _end(each), links)
        for each in ended.newest
        if each.outcome
    ]
    content = [
        element("ul", *items, class_="rows lined", role="list")
        if items
        else element("p", "Nothing.")
    ]
    if ended.continuation:
        older = links.to(**overview.filters.query, continuation=ended.continuation)
        content.append(element("p", element("a", "Older ones", href=older), class_="actions"))
    yield card("Ended, the newest request first", *content, anchor="ended")


def _end(each: Listed) -> Markup:
    parts: list[str] = []
    if each.ended_at:
        took = span(each.ended_at - each.created_at)
        parts += ["ended ", time_tag(each.ended_at), f" after {took}"]
    if each.mail not in _MAILED:
        parts.append(f"; its mail: {mail_words(each.mail)}")
    return joined(parts)


def _item(each: Listed, words: str, when: Markup, links: Links) -> Markup:
    tone = WORDINGS[each.outcome].tone if each.outcome else "open"
    name = joined((f"{each.publisher_id} / ", element("b", each.offer_id)))
    story = links.to_request(each.publisher_id, each.offer_id, each.request_id)
    return element(
        "li",
        element("h3", element("a", name, href=story)),
        element("p", words, class_="words"),
        element("p", when, class_="soft"),
        class_=tone,
    )
