"""Every fact of a request's row that helps a person, by name; no address is among them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from shared.notification.phrasing import plain
from shared.page.account import readable
from shared.page.frame import Links, ago, span, time_tag
from shared.page.markup import element, joined
from shared.record import CancellationRecord, Mail
from shared.tracing import trace_id_of

_MAIL_WORDS: Final = {
    Mail.NONE: "not sent yet",
    Mail.SENDING: "being sent",
    Mail.SENT: "sent",
    Mail.NOBODY: "to nobody: no address to send it to",
    Mail.FAILED: "could not be sent to anybody",
}


def facts_of(record: CancellationRecord, links: Links, now: datetime) -> Iterator[tuple[str, str]]:
    """Names and values, markup or plain text; those that the row does not tell are left out."""
    found = (
        *_asked(record, now),
        ("Shares the cancel of", _joined(record, links)),
        *_partner_center(record, now),
        *_ended(record),
        *_mails(record),
        ("Trace", trace_id_of(record.traceparent)),
    )
    return ((label, value) for label, value in found if value)


def mail_words(mail: Mail) -> str:
    """How a mail stands."""
    return _MAIL_WORDS[mail]


def _asked(record: CancellationRecord, now: datetime) -> Iterator[tuple[str, str]]:
    yield "Publisher", record.publisher_id
    yield "Offer", record.offer_id
    yield "Request", record.request_id
    yield "Status", record.status
    yield "Came by", readable(record.source)
    yield "Reason given", readable(record.reason)
    yield "Requested", ago(record.requested_at, now)
    if record.created_at != record.requested_at:
        yield "Accepted", time_tag(record.created_at)
    yield "Last step", ago(record.last_step_at, now)
    yield "Tried again", _times(record.attempt)
    yield "Put back by a person", _times(record.redrives)


def _joined(record: CancellationRecord, links: Links) -> str:
    other = record.joined_request_id
    if not other:
        return ""
    return element("a", other, href=links.to_request(record.publisher_id, record.offer_id, other))


def _partner_center(record: CancellationRecord, now: datetime) -> Iterator[tuple[str, str]]:
    yield "Operation asked for", record.requested_operation_id or ""
    yield "Operation", record.target_operation_id or "not known"
    yield "Cancel sent", ago(record.post_sent_at, now) if record.post_sent_at else "not sent"
    if record.post_confirmed_at:
        yield "Cancel taken", ago(record.post_confirmed_at, now)
    yield "Nothing found running", time_tag(record.idle_since) if record.idle_since else ""
    yield "First answered 409", time_tag(record.refused_since) if record.refused_since else ""
    yield "Followed by", readable(record.location or "")
    yield "Polled", _times(record.polls)
    if record.last_state:
        at = (", ", time_tag(record.last_state_at)) if record.last_state_at else ()
        yield "Last seen as", joined((readable(record.last_state), *at))
    yield "Last error", readable(record.last_error)
    yield "Canceled besides", ", ".join(plain(each, 60) for each in record.also_canceled)


def _ended(record: CancellationRecord) -> Iterator[tuple[str, str]]:
    outcome = record.outcome
    if outcome is None:
        return
    yield "Outcome", joined((outcome.name.value, ", found ", time_tag(outcome.at)))
    yield "Operation's end", time_tag(outcome.ended_at) if outcome.ended_at else ""
    yield "Took", f"{span(outcome.at - record.requested_at)} from request to outcome"


def _mails(record: CancellationRecord) -> Iterator[tuple[str, str]]:
    if not record.is_open:
        yield "Mail of the outcome", _mail(record.mail, record.mail_at)
    if record.notice is not Mail.NONE:
        yield "Mail NOT YET CANCELED", _mail(record.notice, record.notice_at)
    yield "Addresses in the request", str(record.email_count or "none that can be used")
    yield "Addresses left out", str(record.dropped_emails or "")


def _mail(mail: Mail, at: datetime | None) -> str:
    return joined((mail_words(mail), *((", ", time_tag(at)) if at else ())))


def _times(count: int) -> str:
    return {0: "", 1: "once"}.get(count, f"{count} times")
