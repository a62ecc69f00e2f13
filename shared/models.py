"""The things the domain speaks of, each with its JSON as other programs see it.

Wire names are camelCase as in the queue contract; every time is aware UTC. Unknown members of a
message are ignored, so that older and newer versions can share a queue.
"""

import enum
import json
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec.structs import force_setattr

from shared.errors import InvalidRequestError
from shared.ids import GUID_PATTERN, OFFER_ID_PATTERN, PUBLISHER_ID_PATTERN, in_words
from shared.struct_types import ready
from shared.tracing import valid_traceparent

MAX_REASON_CHARACTERS = 500
MAX_NAMED = 20  # operations named in one message and mail
PENDING_VERSION = 1
MAX_PENDING_BYTES = 60_000  # below the service's 64 KiB, with room for what polling adds
SANE_YEARS = range(2000, 2101)

PublisherId = Annotated[str, msgspec.Meta(pattern=PUBLISHER_ID_PATTERN)]
OfferId = Annotated[str, msgspec.Meta(pattern=OFFER_ID_PATTERN)]
Guid = Annotated[str, msgspec.Meta(pattern=GUID_PATTERN)]
Reason = Annotated[str, msgspec.Meta(max_length=MAX_REASON_CHARACTERS)]
AwareTime = Annotated[datetime, msgspec.Meta(tz=True)]
# What a row can hold: whoever may write to a queue must not make a message that never ends.
MAX_COUNT = 2**31 - 1
Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_COUNT)]
Words = Annotated[str, msgspec.Meta(max_length=2000)]
Addresses = Annotated[tuple[Words, ...], msgspec.Meta(max_length=1000)]
OperationIds = Annotated[tuple[Guid, ...], msgspec.Meta(max_length=5 * MAX_NAMED)]


class OutcomeName(enum.StrEnum):
    """How a request ended, in the words that other programs are written against."""

    CANCELED = "canceled"
    NOTHING_TO_CANCEL = "nothing-to-cancel"
    SUPERSEDED = "superseded"
    COMPLETED_FIRST = "completed-first"
    FAILED_FIRST = "failed-first"
    CANCEL_FAILED = "cancel-failed"
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    UNCONFIRMED = "unconfirmed"


class OperationState(enum.StrEnum):
    """What a state word of Partner Center means for us; the word itself is kept beside it."""

    ACTIVE = "active"
    CANCELED = "canceled"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"

    @property
    def is_terminal(self) -> bool:
        """Whether the operation has ended for good."""
        return self not in (OperationState.ACTIVE, OperationState.UNKNOWN)


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One operation of an offer, as Partner Center last showed it.

    Attributes:
        id: Its GUID, in lower case.
        state: What its state word means.
        word: Its state word as received.
        started_at: ``createdDateTime`` and nothing else; None where it is not given.
        ended_at: For an ended operation, the time of its last change; None where unknown.
        is_being_canceled: Whether Partner Center shows a cancellation under way.
        retry_after: Seconds that the answer asked to wait before the next read, or None.
    """

    id: str
    state: OperationState
    word: str
    started_at: datetime | None = None
    ended_at: datetime | None = None
    is_being_canceled: bool = False
    retry_after: float | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The end of a request.

    Attributes:
        name: Which outcome.
        at: When it was found (UTC).
        operation_state: The operation's state in Partner Center's own word, or empty.
        code: Partner Center's error code, or ours (``OperationNotFound``), or empty.
        message: What stood in the way or what was seen, as a sentence, or empty.
        ended_at: When the operation ended, where Partner Center says so.
    """

    name: OutcomeName
    at: AwareTime
    operation_state: Words = ""
    code: Words = ""
    message: Words = ""
    ended_at: AwareTime | None = None

    def __post_init__(self) -> None:
        """Refuse times that cannot be meant, as a pending cancellation does."""
        check_times(self)


class Refusal(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Partner Center's answer to a cancel call that it did not take."""

    status_code: int
    code: Words = ""
    message: Words = ""


class Metadata(msgspec.Struct, frozen=True, omit_defaults=True):
    """The ``metadata`` member of a cancel request, as in Microsoft's own Cancel operation API."""

    notification_emails: str | None = msgspec.field(name="notification-emails", default=None)


class CancelBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The optional body of an HTTP cancel request."""

    metadata: Metadata | None = None
    operation_id: Guid | None = None
    reason: Reason | None = None


class CancelRequest(CancelBody, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A message on ``cancel-requests``.

    Attributes:
        attempt: How often it was put back by this app; from outside it means nothing, whatever
            it is.
        last_error: Why it was put back last; not read.
        traceparent: The W3C trace that it belongs to; anything that is not one counts as none.
    """

    publisher_id: PublisherId
    offer_id: OfferId
    request_id: Guid | None = None
    requested_at: AwareTime | None = None
    attempt: Any = 0
    last_error: Any = ""
    traceparent: Any = None

    def __post_init__(self) -> None:
        """Keep nothing of a trace that is none: no request fails for it."""
        force_setattr(self, "traceparent", valid_traceparent(self.traceparent))

    @property
    def meant_requested_at(self) -> datetime | None:
        """``requested_at``, unless it is no time anybody can mean, such as .NET's year 1."""
        at = self.requested_at
        return at if at is not None and at.year in SANE_YEARS else None

    @property
    def own_attempt(self) -> int:
        """The attempt as this app counts it, 0 for anything else."""
        is_count = isinstance(self.attempt, int) and not isinstance(self.attempt, bool)
        return self.attempt if is_count and 0 <= self.attempt <= MAX_COUNT else 0

    @property
    def notification_emails(self) -> str:
        """The addresses as given, or an empty string where none were."""
        return (self.metadata and self.metadata.notification_emails) or ""


class PendingCancellation(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A message on ``pending-cancellations``: the whole state of one cancellation.

    Updating the message in place is its checkpoint; its visibility timeout is its schedule and
    its lease.

    Attributes:
        remaining_emails: Recipients not yet served; None until the first send.
        post_sent_at: When a cancel call that may have arrived was first sent; None if none was.
        location: The polling path, already checked; None polls by the target.
        followed_since: When polling began; the last deadline counts from here.
        polls: Polls that read something of Partner Center.
        checkpoints: The dequeue count at the last checkpoint, so that what exceeds it by more
            than one counts crashes.
        failures: Polls in a row that could not read Partner Center.
        refusal: The refusal of a repeated cancel call, kept because an earlier one may have
            arrived.
        last_state: The last state word seen, and ``last_state_at`` when.
        newer_operations: Operations that appeared between the read before the cancel call and
            the read after it: this request may have hit them. None where that read failed.
        also_canceled: Those of them that were found canceled; named in the mail.
        readable_seconds: Time so far in which Partner Center could be read; it counts against
            the deadline.
        last_poll_at: When Partner Center was last read successfully, None after a failure.
        cancel_failed_at: When the cancel operation was first seen failed with the target running.
        served_emails: Recipients for whom the mail was accepted; ``refused_emails`` for whom it
            was refused for good.
        mail_failures: Sends that failed, with ``mail_answers_lost`` of them ambiguous.
        mail_since: When the outcome's mail was first tried.
        recorded_at: When the row was last written by polling.
        redrives: How often a person put the request back; below the row's it is a stale twin.
        traceparent: The W3C trace that it belongs to; anything that is not one counts as none.
    """

    request_id: Guid
    publisher_id: PublisherId
    offer_id: OfferId
    requested_at: AwareTime
    version: int = PENDING_VERSION
    reason: Reason = ""
    notification_emails: Addresses = ()
    remaining_emails: Addresses | None = None
    dropped_emails: Count = 0
    post_sent_at: AwareTime | None = None
    target_operation_id: Guid | None = None
    location: Words | None = None
    followed_since: AwareTime | None = None
    polls: Count = 0
    checkpoints: Count = 0
    failures: Count = 0
    refusal: Refusal | None = None
    last_state: Words = ""
    last_state_at: AwareTime | None = None
    last_error: Words = ""
    newer_operations: OperationIds | None = ()
    also_canceled: OperationIds = ()
    readable_seconds: Annotated[float, msgspec.Meta(ge=0, le=1e9)] = 0.0
    last_poll_at: AwareTime | None = None
    cancel_failed_at: AwareTime | None = None
    served_emails: Count = 0
    refused_emails: Count = 0
    mail_failures: Count = 0
    mail_answers_lost: Count = 0
    mail_since: AwareTime | None = None
    recorded_at: AwareTime | None = None
    redrives: Count = 0
    traceparent: Any = None
    outcome: Outcome | None = None

    def __post_init__(self) -> None:
        """Refuse times that cannot be meant; converted to UTC they would overflow."""
        check_times(self)
        force_setattr(self, "traceparent", valid_traceparent(self.traceparent))


def read_pending(text: str) -> PendingCancellation:
    """Read a message of ``pending-cancellations``.

    Raises:
        InvalidRequestError: What is wrong and where, or that it leaves no room to be kept in.
    """
    pending = from_json(text, PendingCancellation)
    if len(to_json(pending)) > MAX_PENDING_BYTES:  # in ASCII it may be longer than it was
        raise InvalidRequestError(f"its state takes more than {MAX_PENDING_BYTES} bytes")
    return pending


def check_times(message: msgspec.Struct) -> None:
    """``ValueError``, which decoding reports, for a time outside of the sane years."""
    for name in message.__struct_fields__:
        value = getattr(message, name)
        if isinstance(value, datetime) and value.year not in SANE_YEARS:
            raise ValueError(f"a time outside of the years 2000 to 2100 (`{name}`)")


def utc_now() -> datetime:
    """The time now, aware, in UTC."""
    return datetime.now(UTC)


def to_json(value: Any) -> str:
    """ASCII-only JSON: control characters and U+FFFF would break the Queue service's XML."""
    return json.dumps(msgspec.to_builtins(value), ensure_ascii=True, separators=(",", ":"))


def from_json[T](text: str | bytes, as_type: type[T]) -> T:
    """Read JSON strictly.

    Raises:
        InvalidRequestError: What is wrong and where, as ``Expected `str`, got `int` - at
            `$.offerId```; the value itself is not repeated.
    """
    try:
        return msgspec.json.decode(text, type=ready(as_type))
    except RecursionError as error:
        raise InvalidRequestError("JSON is nested too deeply") from error
    except (msgspec.DecodeError, UnicodeError) as error:
        raise InvalidRequestError(in_words(str(error))) from error
