"""The form that narrows the list down. What it asks for is in the page's address, for a reload."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Final

from shared.list_query import DEFAULT_TOP
from shared.models import OutcomeName
from shared.notification.wording import WORDINGS
from shared.page.frame import Links
from shared.page.markup import Markup, element, joined

STATUS_WORDS: Final[Mapping[str, str]] = {
    "notStarted": "Open, cancel not sent yet",
    "running": "Open, cancel under way",
    "canceled": "Ended, canceled",
    "failed": "Ended, not canceled",
}
_ANY: Final = ("", "any")
_USUAL_TOP: Final = str(DEFAULT_TOP)
_PAGE_SIZES: Final = frozenset({"10", "20", _USUAL_TOP, "100"})


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What the list is asked for, as it came; empty means everything."""

    publisher_id: str = ""
    offer_id: str = ""
    status: str = ""
    outcome: str = ""
    top: str = ""

    @property
    def query(self) -> dict[str, str]:
        """By the names that they have in an address."""
        return {
            "publisherId": self.publisher_id,
            "offerId": self.offer_id,
            "status": self.status,
            "outcome": self.outcome,
            "top": self.top,
        }

    @property
    def are_set(self) -> bool:
        """Whether anything is left out of the list by them."""
        return any(getattr(self, field.name) for field in fields(self) if field.name != "top")


def filter_form(filters: Filters, links: Links) -> Markup:
    """A form that needs no script."""
    form = element(
        "form",
        *_key(links),
        element(
            "div",
            _text("Publisher", "publisherId", filters.publisher_id),
            _text("Offer", "offerId", filters.offer_id),
            _choice("Status", "status", filters.status, (_ANY, *STATUS_WORDS.items())),
            _choice("Outcome", "outcome", filters.outcome, (_ANY, *_outcomes())),
            _choice("How many", "top", filters.top or _USUAL_TOP, _page_sizes(filters.top)),
            class_="fields",
        ),
        element(
            "div",
            element("button", "Show", type="submit"),
            element("a", "Show everything", href=links.to()),
            class_="actions",
        ),
        method="get",
    )
    summary = element("summary", "Filter", *_told(filters))
    return element("details", summary, form, class_="card filters", open=filters.are_set)


def _key(links: Links) -> Iterable[Markup]:
    # A form's fields take the place of the query, so that the key would be lost.
    if links.code:
        yield element("input", type="hidden", name="code", value=links.code)


def _told(filters: Filters) -> Iterable[str]:
    told = (
        filters.publisher_id and f"publisher {filters.publisher_id}",
        filters.offer_id and f"offer {filters.offer_id}",
        filters.status and f"status {filters.status}",
        filters.outcome and f"outcome {filters.outcome}",
    )
    if filters.are_set:
        yield f": {', '.join(filter(None, told))}"


def _outcomes() -> Iterable[tuple[str, str]]:
    return ((name.value, WORDINGS[name].subject) for name in OutcomeName)


def _page_sizes(asked_for: str) -> Iterable[tuple[str, str]]:
    sizes = sorted(_PAGE_SIZES | {asked_for or _USUAL_TOP}, key=lambda size: (len(size), size))
    return ((size, size) for size in sizes)


def _text(label: str, name: str, value: str) -> Markup:
    field = element(
        "input",
        type="text",
        name=name,
        value=value,
        autocomplete="off",
        autocapitalize="none",
        spellcheck="false",
    )
    return element("label", label, field)


def _choice(label: str, name: str, value: str, choices: Iterable[tuple[str, str]]) -> Markup:
    options = [element("option", words, value=key, selected=key == value) for key, words in choices]
    return element("label", label, element("select", joined(options), name=name))
