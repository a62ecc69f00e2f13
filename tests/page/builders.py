"""Rows and entries to show, and reading what a page says of them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

from msgspec.structs import replace

from shared.listing_entity import Listed, listed
from shared.models import CancelRequest, Outcome, OutcomeName
from shared.record import CancellationRecord, Mail, State, new_record

REQUEST_ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
OPERATION_ID = "56615b67-2185-49fe-80d2-c4ddf77bb2e8"
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
EMAIL = "ana@example.com"
HOSTILE = "\"><script>alert(1)</script><img src=x onerror='alert(1)'>&amp;\u202e\x07"


def ago(minutes: float) -> datetime:
    """A time so many minutes before the page is made."""
    return NOW - timedelta(minutes=minutes)


def row(**changes: Any) -> CancellationRecord:
    """A row three hours old that has just its first step; ``changes`` are its fields."""
    request = CancelRequest(publisher_id="Contoso", offer_id="contoso-vm", reason="wrong price")
    record = new_record(
        request,
        request_id=REQUEST_ID,
        requested_at=ago(180),
        source="http",
        emails=(EMAIL,),
        dropped_emails=0,
        now=ago(180),
    )
    return replace(record, **changes)


def ended_row(name: OutcomeName, **changes: Any) -> CancellationRecord:
    """A row that has ended, and was mailed."""
    record = row(
        target_operation_id=OPERATION_ID,
        post_sent_at=ago(179),
        outcome=Outcome(name=name, at=ago(120)),
        state=State.ENDED,
        mail=Mail.SENT,
        mail_at=ago(119),
    )
    return replace(record.with_step(ago(120), "outcome-found", name.value), **changes)


def entry(record: CancellationRecord) -> Listed:
    """What a list has of a row."""
    return listed(record)


_INLINE = frozenset({"a", "b", "span", "time"})


class Read(HTMLParser):
    """A page as a browser reads it.

    Attributes:
        tags: Each element's name and attributes, in order.
        text: What people read, in one line.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self._parts: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == [], "every element is closed"
        self.text = " ".join("".join(self._parts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._parts.append("" if tag in _INLINE else " ")
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in ("meta", "input"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self._parts.append(data)

    def attributes(self, tag: str) -> Iterator[dict[str, str]]:
        """Those of every element of that name."""
        return (attributes for name, attributes in self.tags if name == tag)

    def links(self) -> list[str]:
        """Where it leads."""
        return [attributes["href"] for attributes in self.attributes("a")]
