"""What every page has around its content, and the headers that it goes out with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode

from shared.notification.phrasing import duration, moment
from shared.page.markup import Markup, element, joined
from shared.page.style import STYLE, STYLE_SOURCE

HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Content-Security-Policy": f"default-src 'none'; style-src {STYLE_SOURCE}; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        # The key may be in the page's own address, which no other site and no disk should see.
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
)


@dataclass(frozen=True)
class Links:
    """Where the page's links lead: to its own path, whatever is in front of that.

    Attributes:
        code: The function key, if the page was asked for with it in the query. A browser cannot
            send it otherwise, so that every link has to carry it on.
    """

    code: str = ""

    def to(self, **query: str) -> str:
        """The same page with this query; what is empty is left out."""
        kept = {"code": self.code, **query}
        return "?" + urlencode({name: value for name, value in kept.items() if value})

    def to_request(self, publisher_id: str, offer_id: str, request_id: str) -> str:
        """The story of one request."""
        return self.to(publisherId=publisher_id, offerId=offer_id, id=request_id)


def framed(title: str, content: Markup, *, links: Links, now: datetime) -> str:
    """A whole page.

    Args:
        title: Of the window; what tells this page from others comes first.
        content: What is within ``<main>``, with the page's only ``<h1>``.
        links: Where its links lead.
        now: As of when it is.
    """
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width,initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{title} - Offer Cancel"),
        element("style", Markup(STYLE)),
    )
    body = element(
        "body",
        element(
            "header",
            element("p", element("a", "Offer Cancel", href=links.to())),
            element("p", "As of ", time_tag(now)),
        ),
        element("main", content),
        element("footer", element("p", "Times are UTC. Reload the page to see what is new.")),
    )
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def card(title: str, *content: str, anchor: str) -> Markup:
    """A region with its heading, which a link can lead to and a screen reader can jump to."""
    heading = element("h2", title, id=f"{anchor}-title")
    name = {"id": anchor, "aria_labelledby": f"{anchor}-title", "class_": "card"}
    return element("section", heading, *content, **name)


def time_tag(when: datetime) -> Markup:
    """A time for people and programs."""
    utc = when.astimezone(UTC)
    return element("time", moment(utc), datetime=f"{utc:%Y-%m-%dT%H:%M:%SZ}")


def ago(when: datetime, now: datetime) -> Markup:
    """A time, and how long it is past."""
    return joined((time_tag(when), f", {span(now - when)} ago"))


def span(length: timedelta) -> str:
    """A duration; never below nothing, since clocks differ."""
    return duration(max(length, timedelta()))
