"""What there is to say of one request right now, in the words that its mails use.

Every string is cleaned as in a mail, and holds no address; it is still not safe to put into HTML
unescaped.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from shared.notification.content import Content, Quote, content_of
from shared.notification.notice import Notice
from shared.notification.phrasing import plain
from shared.notification.wording import NOT_YET, Tone
from shared.record import CancellationRecord
from shared.telemetry import masked
from shared.tracing import trace_id_of

type Mood = Tone | Literal["open"]

_NOT_SENT: Final = "The cancel has not been sent to Partner Center yet. That goes on by itself."
_MAYBE_SENT: Final = (
    "The cancel was sent, and Partner Center has not confirmed that it took it. It is being found "
    "out what became of it."
)
_TAKEN: Final = (
    "Partner Center took the cancel, which does not mean that anything is canceled. The operation "
    "is followed until it has ended."
)


@dataclass(frozen=True, kw_only=True)
class Account:
    """A request's story so far, in reading order.

    Attributes:
        mood: How it looks; it never carries what the words do not say.
    """

    mood: Mood
    headline: str
    meaning: str
    quotes: tuple[Quote, ...]
    warnings: tuple[str, ...]
    steps: tuple[str, ...]


def account_of(record: CancellationRecord, now: datetime) -> Account:
    """What a mail would say of the request now."""
    content = content_of(_notice(record, now))
    mood: Mood = "open" if record.is_open else content.tone
    return Account(
        mood=mood,
        headline="OPEN. NOT YET CANCELED." if record.is_open else content.headline,
        meaning=masked(_meaning(record, content)),
        quotes=tuple(replace(quote, words=masked(quote.words)) for quote in content.quotes),
        warnings=tuple(map(masked, content.warnings)),
        steps=tuple(_steps(record, content)),
    )


def readable(text: str) -> str:
    """Text from outside: one line of what people can see, without addresses."""
    return masked(plain(text))


def _meaning(record: CancellationRecord, content: Content) -> str:
    if not record.is_open:
        return content.meaning
    if record.post_sent_at is None:
        return _NOT_SENT
    return _MAYBE_SENT if record.post_confirmed_at is None else _TAKEN


def _steps(record: CancellationRecord, content: Content) -> Iterator[str]:
    if not record.is_open:
        yield from content.steps
    else:
        yield NOT_YET.steps[0]


def _notice(record: CancellationRecord, now: datetime) -> Notice:
    return Notice(
        request_id=record.request_id,
        publisher_id=record.publisher_id,
        offer_id=record.offer_id,
        requested_at=record.requested_at,
        now=now,
        recipients=(),
        outcome=record.outcome,
        reason=record.reason,
        target_operation_id=record.target_operation_id,
        post_sent_at=record.post_sent_at,
        last_state=record.last_state,
        last_state_at=record.last_state_at,
        refusal=record.refusal,
        last_error=record.last_error,
        also_canceled=record.also_canceled,
        newer_unknown=not record.is_open and record.newer_operations is None,
        dropped_emails=record.dropped_emails,
        replaces=record.replaces,
        trace_id=trace_id_of(record.traceparent),
    )
