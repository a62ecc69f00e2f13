"""Puts what can never be processed where a person finds it, as it was received, with the reason."""

import hashlib
import logging
from datetime import datetime

import msgspec

from shared.errors import InvalidRequestError
from shared.models import from_json, to_json
from shared.queues import Queue, QueuedMessage
from shared.telemetry import event, without_secrets

VERSION = 1
MAX_RECORD_BYTES = 60_000  # below the service's 64 KiB, with room for what a person adds


class PoisonRecord(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A message on a poison queue.

    Attributes:
        message: The text as received, cut to what fits; then ``truncated`` is set and ``sha256``
            is that of the whole text in UTF-8.
        noticed_at: When it was noticed, and the requester told; None until then.
    """

    version: int
    reason: str
    inserted_at: datetime
    dequeue_count: int
    message: str
    request_id: str = ""
    requested_at: datetime | None = None
    truncated: bool = False
    sha256: str = ""
    noticed_at: datetime | None = None


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
    """A poison record; the copy that the Functions host writes by itself becomes one."""
    try:
        return from_json(message.text, PoisonRecord)
    except InvalidRequestError:
        return PoisonRecord(
            version=VERSION,
            reason="the Functions host gave up on it; its log says why",
            inserted_at=message.inserted_at,
            dequeue_count=message.dequeue_count,
            message=message.text,
            request_id=message.id,
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
