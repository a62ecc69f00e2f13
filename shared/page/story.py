"""One request's whole story: how it stands, what to do, every step on a time line, every fact."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from shared.notification.wording import PARTNER_CENTER_URL
from shared.page.account import Account, account_of, readable
from shared.page.facts import facts_of
from shared.page.frame import Links, card, framed, span, time_tag
from shared.page.markup import Markup, element, joined
from shared.page.poison import Poisoned, poison_items
from shared.record import KEPT_FIRST_STEPS, MAX_STEPS, CancellationRecord, Step


def story_page(
    record: CancellationRecord, poisoned: Iterable[Poisoned], *, links: Links, now: datetime
) -> str:
    """The page about one request.

    Args:
        record: Its row.
        poisoned: What is on the poison queues about it.
        links: Where links lead.
        now: As of when it is.
    """
    account = account_of(record, now)
    name = f"{record.publisher_id} / {record.offer_id}"
    content = joined(
        (
            _banner(account, name, record, now),
            *_poison(poisoned, links, now),
            _account(account, record),
            card("Time line", _time_line(record, now), anchor="time-line"),
            card("Details", _details(record, links, now), anchor="details"),
            element("p", element("a", "All cancellations", href=links.to())),
        )
    )
    return framed(f"{account.headline} {name}", content, links=links, now=now)


def _banner(account: Account, name: str, record: CancellationRecord, now: datetime) -> Markup:
    since = record.requested_at
    if record.outcome is None:
        how_long = f"Open for {span(now - since)}."
    else:
        how_long = f"Ended after {span(record.outcome.at - since)}."
    return element(
        "div",
        element("h1", account.headline),
        element("p", name),
        element("p", how_long),
        class_=f"banner {account.mood}",
    )


def _poison(poisoned: Iterable[Poisoned], links: Links, now: datetime) -> Iterator[Markup]:
    found = tuple(poisoned)
    if found:
        said = "A message of this request could not be processed, and waits for a person."
        yield card(
            "Poisoned", element("p", said), poison_items(found, links, now), anchor="poisoned"
        )


def _account(account: Account, record: CancellationRecord) -> Markup:
    quotes = (
        element(
            "div",
            element("p", f"{quote.label}:", class_="soft"),
            element("p", quote.words, dir="auto"),
            class_="quote",
        )
        for quote in account.quotes
    )
    button = element("a", "Open Partner Center", href=PARTNER_CENTER_URL, class_="button")
    return card(
        "What it means",
        element("p", account.meaning),
        *quotes,
        *_listed("Take care", account.warnings),
        *_listed("What to do now", account.steps),
        element("p", button, class_="actions"),
        element(
            "p", "Look for the offer ", element("b", record.offer_id), " there.", class_="soft"
        ),
        anchor="meaning",
    )


def _listed(title: str, points: tuple[str, ...]) -> Iterator[Markup]:
    if points:
        yield element("h3", title)
        yield element("ul", *(element("li", point) for point in points))


def _time_line(record: CancellationRecord, now: datetime) -> Markup:
    items: list[Markup] = []
    before: datetime | None = None
    for place, step in enumerate(record.history):
        is_cut = len(record.history) == MAX_STEPS and place == KEPT_FIRST_STEPS
        items.append(_step(step, before, is_cut=is_cut))
        before = step.at
    if record.is_open and before is not None:
        waiting = f"{span(now - before)} since then"
        now_said = element("p", "Now")
        items.append(element("li", element("p", waiting, class_="soft"), now_said, class_="now"))
    return element("ol", *items, class_="line", role="list")


def _step(step: Step, before: datetime | None, *, is_cut: bool) -> Markup:
    parts = []
    if before is not None:
        gap = step.at - before
        later = "at once" if gap < timedelta(seconds=1) else f"{span(gap)} later"
        cut = ", steps may be left out here" if is_cut else ""
        parts.append(element("p", f"{later}{cut}", class_="soft"))
    words = readable(step.step).replace("-", " ").capitalize()
    detail = readable(step.detail)
    parts.append(element("p", element("b", words), *_said(detail)))
    parts.append(element("p", time_tag(step.at), class_="soft"))
    return element("li", *parts)


def _said(detail: str) -> Iterator[Markup]:
    if detail:
        yield joined((": ", element("span", detail, dir="auto")))


def _details(record: CancellationRecord, links: Links, now: datetime) -> Markup:
    return element(
        "dl",
        *(
            joined((element("dt", label), element("dd", value, dir="auto")))
            for label, value in facts_of(record, links, now)
        ),
    )
