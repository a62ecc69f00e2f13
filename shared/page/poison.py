"""What is on the poison queues, and what to type about it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.errors import InvalidRequestError
from shared.page.account import readable
from shared.page.frame import Links, ago, card, time_tag
from shared.page.markup import Markup, element
from shared.poison import PoisonRecord
from shared.poison_shelf import Glance
from shared.poisoned import request_in
from shared.record import CancellationRecord

_COMMAND: Final = "python -m shared.operate"


@dataclass(frozen=True, kw_only=True)
class Poisoned:
    """A message that nobody could process.

    Attributes:
        request_id: Of its request; empty where it cannot be told.
        offer: Publisher and offer, where they can be read.
        inserted_at: When the message was put on its queue.
        noticed_at: When it was noticed, and whoever asked told; None until then.
    """

    queue_name: str
    request_id: str
    offer: tuple[str, str] | None
    reason: str
    inserted_at: datetime
    noticed_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """The poison queues as somebody may see them.

    Attributes:
        unread: How many messages there are of which no more is known yet.
        has_more: Whether there may be more.
    """

    found: tuple[Poisoned, ...]
    unread: int = 0
    has_more: bool = False

    @property
    def count(self) -> int:
        """How many messages are in sight."""
        return len(self.found) + self.unread

    def about(self, record: CancellationRecord) -> tuple[Poisoned, ...]:
        """What is there about one request: a message may name any id, but only its own offer."""
        name = record.publisher_id.lower(), record.offer_id
        return tuple(
            each
            for each in self.found
            if each.request_id == record.request_id
            and (each.offer is None or (each.offer[0].lower(), each.offer[1]) == name)
        )


def shelf_of(glance: Glance) -> Shelf:
    """What is in sight, the oldest first."""
    found = sorted((_poisoned(*each) for each in glance.records), key=lambda each: each.inserted_at)
    return Shelf(found=tuple(found), unread=glance.unread, has_more=glance.has_more)


def _poisoned(queue_name: str, record: PoisonRecord) -> Poisoned:
    try:
        request = request_in(record, queue_name)
    except InvalidRequestError:
        offer, request_id = None, record.request_id
    else:
        offer = request.publisher_id, request.offer_id
        request_id = request.request_id or record.request_id
    return Poisoned(
        queue_name=queue_name,
        request_id=request_id.lower(),
        offer=offer,
        reason=record.reason,
        inserted_at=record.inserted_at,
        noticed_at=record.noticed_at,
    )


def poison_card(shelf: Shelf | None, links: Links, now: datetime) -> Markup:
    """The section about poison; None for queues that cannot be read."""
    if shelf is None:
        said = "The poison queues cannot be read right now."
        return card("Poisoned", element("p", said), anchor="poisoned")
    return card("Poisoned", *_shown(shelf, links, now), anchor="poisoned")


def _shown(shelf: Shelf, links: Links, now: datetime) -> Iterator[Markup]:
    if shelf.found:
        yield poison_items(shelf.found, links, now)
        yield element("p", f"All of them, with their numbers: {_COMMAND} list", class_="soft")
    if shelf.unread:
        count = "1 message" if shelf.unread == 1 else f"{shelf.unread} messages"
        said = "that the Functions host gave up on just now; this page has the reason in a minute."
        yield element("p", f"{count} {said}")
    if shelf.has_more:
        yield element("p", f"There may be more: {_COMMAND} list shows all of them.")
    if not shelf.count:
        yield element("p", "Nothing.")


def poison_items(found: Iterable[Poisoned], links: Links, now: datetime) -> Markup:
    """Each with its reason, and the commands that show it and put it back."""
    return element("ul", *(_item(each, links, now) for each in found), class_="rows", role="list")


def _item(each: Poisoned, links: Links, now: datetime) -> Markup:
    return element(
        "li",
        element("h3", _name(each, links)),
        element("p", readable(each.reason), dir="auto", class_="words"),
        element("p", *_when(each, now), class_="soft"),
        *_commands(each),
        class_="bad",
    )


def _name(each: Poisoned, links: Links) -> Markup:
    if each.offer is None:
        return element("span", "A message that cannot be read")
    publisher, offer = each.offer
    name = f"{publisher} / {offer}"
    if not each.request_id:
        return element("span", name)
    return element("a", name, href=links.to_request(publisher, offer, each.request_id))


def _when(each: Poisoned, now: datetime) -> Iterator[str]:
    yield f"Put on {each.queue_name} "
    yield ago(each.inserted_at, now)
    if each.noticed_at:
        yield "; noticed "
        yield time_tag(each.noticed_at)


def _commands(each: Poisoned) -> Iterator[Markup]:
    if each.request_id:
        what = "redrive" if each.offer else "drop"
        lines = (f"{_COMMAND} {verb} {each.request_id}" for verb in ("show", what))
        yield element("pre", "\n".join(lines))
