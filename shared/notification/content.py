"""What a notice says, in plain words and in order, before it becomes text or HTML.

Everything from outside is cleaned here; it is still not safe to put into HTML unescaped.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.models import Outcome
from shared.notification.notice import Notice
from shared.notification.phrasing import duration, moment, plain
from shared.notification.wording import HINTS, NOT_YET, WORDINGS, Tone, Wording


@dataclass(frozen=True, kw_only=True)
class Quote:
    """Somebody else's words, and what introduces them."""

    label: str
    words: str


@dataclass(frozen=True, kw_only=True)
class Content:
    """The parts of a mail in reading order; every string is one paragraph without line breaks."""

    tone: Tone
    headline: str
    publisher: str
    offer: str
    meaning: str
    quotes: tuple[Quote, ...]
    steps: tuple[str, ...]
    warnings: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]


def wording_of(notice: Notice) -> Wording:
    """The words for this kind of notice."""
    return NOT_YET if notice.outcome is None else WORDINGS[notice.outcome.name]


def content_of(notice: Notice) -> Content:
    """Put the facts of the notice into the words for its outcome."""
    wording = wording_of(notice)
    return Content(
        tone=wording.tone,
        headline=wording.headline,
        publisher=plain(notice.publisher_id),
        offer=plain(notice.offer_id),
        meaning=_meaning(notice, wording),
        quotes=tuple(_quotes(notice, wording)),
        steps=wording.steps,
        warnings=tuple(_warnings(notice)),
        facts=tuple((label, plain(value)) for label, value in _facts(notice) if value),
    )


def _meaning(notice: Notice, wording: Wording) -> str:
    # Until the outcome, not until now: a mail that is sent again must say the same.
    tried_until = notice.outcome.at if notice.outcome else notice.now
    until = (
        f"Offer Cancel keeps trying until {moment(notice.expires_at)}." if notice.expires_at else ""
    )
    replaces = (
        f"This replaces the mail of {moment(notice.replaces)} about the same request, which said "
        "that the end was not known. "
        if notice.replaces
        else ""
    )
    return plain(
        replaces
        + wording.meaning.format(
            tried_for=duration(tried_until - notice.requested_at),
            keep_trying=until or "Offer Cancel keeps trying.",
            last_publish=_last_publish(notice.outcome),
            hint=_hint(notice),
        )
    )


def _last_publish(outcome: Outcome | None) -> str:
    if outcome is None or not outcome.operation_state:
        return "Nothing is known of an earlier one."
    ended = f" at {moment(outcome.ended_at)}" if outcome.ended_at else ", at a time unknown"
    return f'The last one ended as "{plain(outcome.operation_state, 60)}"{ended}.'


def _hint(notice: Notice) -> str:
    status = str(notice.refusal.status_code) if notice.refusal else ""
    code = notice.outcome.code if notice.outcome else ""
    return HINTS.get(code) or HINTS.get(status, "")


def _quotes(notice: Notice, wording: Wording) -> Iterator[Quote]:
    outcome, refusal = notice.outcome, notice.refusal
    said = _said(outcome.code, outcome.message) if outcome else plain(notice.last_error)
    if said:
        yield Quote(label=wording.said, words=said)
    if refusal is None:
        return
    refused = _said(refusal.code, refusal.message)
    if refused not in said or not refused:
        words = f"HTTP {refusal.status_code} {refused}".strip()
        yield Quote(label="Partner Center answered the cancel with", words=words)


def _said(code: str, message: str) -> str:
    return ": ".join(part for part in (plain(code, 100), plain(message)) if part)


def _warnings(notice: Notice) -> Iterator[str]:
    if notice.also_canceled:
        ids = ", ".join(plain(operation_id, 60) for operation_id in notice.also_canceled)
        yield (
            "This request may also have stopped another publish. It was started just before the "
            f"cancel was sent, and it is recorded as canceled: operation {ids}. "
            "If you want it, publish again."
        )
    if notice.newer_unknown:
        yield (
            "It is not known whether another publish, started just before the cancel was sent, "
            "was stopped as well. If somebody started one, check it in Partner Center."
        )


def _facts(notice: Notice) -> Iterator[tuple[str, str]]:
    outcome = notice.outcome
    yield "Publisher", notice.publisher_id
    yield "Offer", notice.offer_id
    yield "Operation", notice.target_operation_id or "not known"
    yield "Reason given", notice.reason
    yield "Requested", moment(notice.requested_at)
    yield "Cancel sent", moment(notice.post_sent_at) if notice.post_sent_at else "not sent"
    yield "Last seen as", _last_seen(notice)
    if outcome:
        yield (
            "State",
            "" if outcome.operation_state == notice.last_state else outcome.operation_state,
        )
        yield "Ended", moment(outcome.ended_at) if outcome.ended_at else ""
        yield "Outcome", f"{outcome.name}, found {moment(outcome.at)}"
        yield "Took", f"{duration(outcome.at - notice.requested_at)} from request to outcome"
    yield "Not mailed", _not_mailed(notice.dropped_emails)
    yield "Request", notice.request_id
    yield "Trace", notice.trace_id


def _last_seen(notice: Notice) -> str:
    if not notice.last_state or notice.last_state_at is None:
        return notice.last_state
    return f"{notice.last_state} ({moment(notice.last_state_at)})"


def _not_mailed(dropped: int) -> str:
    if not dropped:
        return ""
    return f"{dropped} address{'es' if dropped > 1 else ''} of the request that cannot be used"
