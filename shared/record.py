"""The row that every request has: the guard against duplicates, and the record of what happened.

Queues deliver twice; the row decides. It is written with its ETag, so that of two who decide at
once only one does.
"""

import enum
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from shared.idempotency import fingerprint_of
from shared.models import (
    CancelRequest,
    Metadata,
    Outcome,
    OutcomeName,
    PendingCancellation,
    Refusal,
    to_json,
)
from shared.telemetry import without_secrets

CANCEL_SENT = "cancel-sent"
"""The step of a row, and the event, that a cancel call is about to be sent."""
MAX_STEPS = 60
KEPT_FIRST_STEPS = 10  # of a history that is too long, with as many of the last as there is room
_MAX_STEP_CHARACTERS = 200
_MAX_STEP_JSON = 400  # of all steps together, the table's limit for one column is 32 Ki


class State(enum.StrEnum):
    """How far a request has come."""

    ACCEPTED = "accepted"
    SUBMITTING = "submitting"
    PENDING = "pending"
    ENDED = "ended"


class Status(enum.StrEnum):
    """How a request stands, in the words of Partner Center's own operations."""

    NOT_STARTED = "notStarted"
    RUNNING = "running"
    CANCELED = "canceled"
    FAILED = "failed"


class Mail(enum.StrEnum):
    """Whether a mail went out. Only who moves it from none to sending mails."""

    NONE = "none"
    SENDING = "sending"
    SENT = "sent"
    NOBODY = "nobody"
    FAILED = "failed"


class Step(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One entry of a request's history."""

    at: datetime
    step: str
    detail: str = ""


class CancellationRecord(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One request, from accept to its last mail. Every time is aware UTC.

    Attributes:
        source: By which way it came: ``http``, ``queue``, or ``github-webhook`` and the like;
            ``http entra:`` and the caller's object id where App Service authenticates.
        requested_operation_id: The operation that the request names, if it names one.
        target_operation_id: The operation it is judged by, once a look has settled on one.
        fingerprint: SHA-256 of what was asked; another request with the same key is refused.
        attempt: How often it was put back on ``cancel-requests``; a message with a lower one is a
            stale twin.
        idle_since: When a look first found nothing running.
        refused_since: When Partner Center first answered 409 to the cancel call.
        post_sent_at: When a cancel call that may have arrived was first sent.
        post_confirmed_at: When Partner Center took one (2xx).
        joined_request_id: The request whose cancel call is this one's too, if it sent none.
        pending_queued: Whether its message is on ``pending-cancellations``.
        emails: The addresses; only until the mail is sent, then ``email_count`` alone.
        dropped_emails: Addresses that could not be used.
        also_canceled: Other operations that this request may have hit.
        outcome: The first outcome written wins.
        mail: The outcome's mail; ``notice`` is the one that says NOT YET CANCELED.
        maybe_mailed_at: When a mail of its outcome may have gone out of which nobody heard, or to
            some of its recipients.
        redrives: How often a person put it back from a poison queue; a pending message with a
            lower number is a stale twin.
        replaces: When the mail went out that the next one replaces, since a person put it back.
        operation_named_at: When the person who put it back named its operation; the request may
            be tried from then on as long as a new one.
        traceparent: The W3C trace that the request belongs to, if it came with one.
        etag: The version that was read; not stored.
    """

    request_id: str
    publisher_id: str
    offer_id: str
    source: str
    requested_at: datetime
    created_at: datetime
    last_step_at: datetime
    state: State = State.ACCEPTED
    reason: str = ""
    requested_operation_id: str | None = None
    target_operation_id: str | None = None
    fingerprint: str = ""
    attempt: int = 0
    idle_since: datetime | None = None
    refused_since: datetime | None = None
    post_sent_at: datetime | None = None
    post_confirmed_at: datetime | None = None
    joined_request_id: str | None = None
    pending_queued: bool = False
    location: str | None = None
    polls: int = 0
    last_state: str = ""
    last_state_at: datetime | None = None
    last_error: str = ""
    refusal: Refusal | None = None
    emails: tuple[str, ...] = ()
    email_count: int = 0
    dropped_emails: int = 0
    newer_operations: tuple[str, ...] | None = ()
    also_canceled: tuple[str, ...] = ()
    outcome: Outcome | None = None
    mail: Mail = Mail.NONE
    mail_at: datetime | None = None
    maybe_mailed_at: datetime | None = None
    notice: Mail = Mail.NONE
    notice_at: datetime | None = None
    notice_failures: int = 0
    redrives: int = 0
    replaces: datetime | None = None
    operation_named_at: datetime | None = None
    traceparent: str | None = None
    history: tuple[Step, ...] = ()
    etag: str = ""

    @property
    def is_open(self) -> bool:
        """Whether the request has no outcome yet."""
        return self.outcome is None

    @property
    def status(self) -> Status:
        """How the request stands; all but one of the outcomes are failures to cancel."""
        if self.outcome is not None:
            is_canceled = self.outcome.name is OutcomeName.CANCELED
            return Status.CANCELED if is_canceled else Status.FAILED
        return Status.NOT_STARTED if self.state is State.ACCEPTED else Status.RUNNING

    @property
    def subject_id(self) -> str | None:
        """The operation that it is judged by, as far as one is settled or named."""
        return self.target_operation_id or self.requested_operation_id

    @property
    def tried_since(self) -> datetime:
        """When the time to live began: with the request, or when a person named its operation."""
        return self.operation_named_at or self.requested_at

    def with_step(
        self, at: datetime, step: str, detail: str = "", **changes: Any
    ) -> "CancellationRecord":
        """A changed copy with one more entry in its history; the middle of a long one is left out.

        Args:
            at: When it happened.
            step: What happened, as the event is named in the log.
            detail: One fact, free of addresses.
            changes: The fields that change with it.
        """
        entry = Step(at, step, _kept(detail))
        steps = (*self.history, entry)
        if len(steps) > MAX_STEPS:
            steps = (*steps[:KEPT_FIRST_STEPS], *steps[-(MAX_STEPS - KEPT_FIRST_STEPS) :])
        return replace(self, history=steps, last_step_at=at, **changes)


def _kept(detail: str) -> str:
    """The detail without secrets, cut; shorter still where JSON needs six characters for one."""
    kept = without_secrets(detail)[:_MAX_STEP_CHARACTERS]
    while len(to_json(kept)) > _MAX_STEP_JSON:
        kept = kept[: len(kept) * 9 // 10]
    return kept


def new_record(
    request: CancelRequest,
    *,
    request_id: str,
    requested_at: datetime,
    source: str,
    emails: tuple[str, ...],
    dropped_emails: int,
    now: datetime,
) -> CancellationRecord:
    """The first row of a request."""
    record = CancellationRecord(
        request_id=request_id.lower(),
        publisher_id=request.publisher_id,
        offer_id=request.offer_id,
        source=source,
        requested_at=requested_at,
        created_at=now,
        last_step_at=now,
        reason=request.reason or "",
        requested_operation_id=request.operation_id and request.operation_id.lower(),
        # A message that was put back may name an operation that nobody has asked for by name.
        fingerprint="" if request.own_attempt else fingerprint_of(request),
        emails=emails,
        email_count=len(emails),
        dropped_emails=dropped_emails,
        traceparent=request.traceparent,
    )
    return record.with_step(now, "request-accepted", f"by {source}")


def request_message(record: CancellationRecord, *, last_error: str = "") -> CancelRequest:
    """What the app itself puts on ``cancel-requests`` for a request."""
    return CancelRequest(
        metadata=Metadata(notification_emails=",".join(record.emails)),
        operation_id=record.subject_id,
        reason=record.reason or None,
        publisher_id=record.publisher_id,
        offer_id=record.offer_id,
        request_id=record.request_id,
        requested_at=record.requested_at,
        attempt=record.attempt,
        last_error=last_error,
        traceparent=record.traceparent,
    )


def pending_message(record: CancellationRecord) -> PendingCancellation:
    """What goes on ``pending-cancellations`` for a request; with its outcome where it has one."""
    return PendingCancellation(
        request_id=record.request_id,
        publisher_id=record.publisher_id,
        offer_id=record.offer_id,
        requested_at=record.requested_at,
        reason=record.reason,
        notification_emails=record.emails,
        dropped_emails=record.dropped_emails,
        post_sent_at=record.post_sent_at,
        target_operation_id=record.target_operation_id,
        location=record.location,
        refusal=record.refusal,
        last_state=record.last_state,
        last_state_at=record.last_state_at,
        last_error=record.last_error,
        newer_operations=record.newer_operations,
        also_canceled=record.also_canceled,
        recorded_at=record.last_step_at,
        redrives=record.redrives,
        traceparent=record.traceparent,
        outcome=record.outcome,
    )
