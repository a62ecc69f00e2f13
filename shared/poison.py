"""Puts what can never be processed where a person finds it, as it was received, with the reason."""

import hashlib
import logging
from datetime import datetime
from typing import Annotated

import msgspec

from shared.errors import InvalidRequestError
from shared.models import AwareTime, Guid, check_times, from_json, to_json
from shared.queues import Queue, QueuedMessage, plain_text
from shared.telemetry import event, without_secrets

VERSION = 1
MAX_RECORD_BYTES = 60_000  # below the service's 64 KiB, with room for what a person adds
_ID_PATTERN = r"\A[0-9A-Za-z-]{0,100}\Z"  # what a row's key can hold


class PoisonRecord(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A message on a poison queue.

    Attributes:
        message: The text as received, cut to what fits; then ``truncated`` is set and ``sha256``
            is that of the whole text in UTF-8.
        noticed_at: When it was noticed, and the requester told; None until then.
        digested_at: When the people who run this were mailed of it; None until then.
    """

    version: int
    reason: str
    inserted_at: AwareTime
    dequeue_count: int
    message: str
    request_id: Annotated[str, msgspec.Meta(pattern=_ID_PATTERN)] = ""
    requested_at: AwareTime | None = None
    truncated: bool = False
    sha256: str = ""
    noticed_at: AwareTime | None = None
    digested_at: AwareTime | None = None

    def __post_init__(self) -> None:
        """Refuse times that cannot be meant: such a record is none of ours."""
        check_times(self)


class _ClaimedId(msgspec.Struct, rename="camel"):
    request_id: Guid | None = None


class _ClaimedTime(msgspec.Struct, rename="camel"):
    requested_at: AwareTime | None = None

    def __post_init__(self) -> None:
        check_times(self)


def request_of(message: QueuedMessage) -> tuple[str, datetime]:
    """Id and time of the request in a message that cannot be processed.

    What the message says of itself as far as that can be read, else the message's own; so that
    who asked finds it by the id that they know.
    """
    named = _part_of(message, _ClaimedId)
    dated = _part_of(message, _ClaimedTime)
    request_id = (named and named.request_id) or message.id
    requested_at = (dated and dated.requested_at) or message.inserted_at
    return request_id.lower(), min(requested_at, message.inserted_at)


def _part_of[T](message: QueuedMessage, part: type[T]) -> T | None:
    try:
        return from_json(plain_text(message.text), part)
    except InvalidRequestError:
        return None


def put_poison(
    queue: Queue,
    message: QueuedMessage,
    reason: str,
    *,
    request_id: str = "",
    requested_at: datetime | None = None,
) -> None:
    """Write the record, then the error event; the caller deletes the message after that.

    A crash in between leaves a second record: duplicates over loss.
    """
    record = PoisonRecord(
        version=VERSION,
        reason=reason,
        inserted_at=message.inserted_at,
        dequeue_count=message.dequeue_count,
        message=message.text,
        request_id=request_id,
        requested_at=requested_at,
    )
    queue.put(poison_text(record))
    event("message-poisoned", request_id=request_id, level=logging.ERROR, reason=reason)


def read_poison(message: QueuedMessage) -> PoisonRecord:
    """A poison record; the copy that the Functions host writes by itself becomes one.

    Of that copy the message's own id is new, and says nothing to anybody: the request's is in it.
    """
    try:
        return from_json(message.text, PoisonRecord)
    except InvalidRequestError:
        request_id, requested_at = request_of(message)
        return PoisonRecord(
            version=VERSION,
            reason="the Functions host gave up on it; its log says why",
            inserted_at=message.inserted_at,
            dequeue_count=message.dequeue_count,
            message=message.text,
            request_id=request_id,
            requested_at=requested_at,
        )


def poison_text(record: PoisonRecord) -> str:
    """The record's JSON, its message cut to what a queue message can hold.

    The reason is cut as well: one about a wrong value may repeat it.
    """
    bounded = msgspec.structs.replace(record, reason=without_secrets(record.reason))
    text = to_json(bounded)
    kept = len(record.message)
    whole = hashlib.sha256(record.message.encode("utf-8", "replace")).hexdigest()
    while len(text) > MAX_RECORD_BYTES and kept > 0:
        kept = max(kept * MAX_RECORD_BYTES // len(text) - 200, 0)
        text = to_json(
            msgspec.structs.replace(
                bounded,
                message=record.message[:kept],
                truncated=True,
                sha256=record.sha256 or whole,
            )
        )
    return text
