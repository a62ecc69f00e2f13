"""Puts what can never be processed where a person finds it, as it was received, with the reason."""

import hashlib
import logging
from datetime import datetime

import msgspec

from shared.models import to_json
from shared.queues import Queue, QueuedMessage
from shared.telemetry import event

VERSION = 1
MAX_RECORD_BYTES = 60_000  # below the service's 64 KiB, with room for what a person adds


class PoisonRecord(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A message on a poison queue.

    Attributes:
        message: The text as received, cut to what fits; then ``truncated`` is set and ``sha256``
            is that of the whole text in UTF-8.
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
    queue.put(_fitted(record))
    event("message-poisoned", request_id=request_id, level=logging.ERROR, reason=reason)


def _fitted(record: PoisonRecord) -> str:
    text = to_json(record)
    kept = len(record.message)
    while len(text) > MAX_RECORD_BYTES:
        kept = kept * MAX_RECORD_BYTES // len(text) - 200
        text = to_json(
            msgspec.structs.replace(
                record,
                message=record.message[:kept],
                truncated=True,
                sha256=hashlib.sha256(record.message.encode("utf-8", "replace")).hexdigest(),
            )
        )
    return text
