"""A request's row as an entity of the table: its keys, its columns, and back."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from azure.data.tables import TableEntity

from shared.models import to_json
from shared.record import CancellationRecord
from shared.struct_types import ready
from shared.telemetry import event

_STORED_AS_JSON = frozenset(
    {"refusal", "emails", "newerOperations", "alsoCanceled", "outcome", "history"}
)


def keys_of(publisher_id: str, offer_id: str, request_id: str) -> tuple[str, str]:
    """Partition key and row key; the case of publisher and request makes no difference."""
    return publisher_id.lower(), f"{offer_id}:{request_id.lower()}"


def to_entity(record: CancellationRecord) -> dict[str, Any]:
    """The row as it is stored."""
    fields: dict[str, Any] = msgspec.to_builtins(record, builtin_types=(datetime,))
    del fields["etag"]
    partition, row = keys_of(record.publisher_id, record.offer_id, record.request_id)
    stored = {
        name: to_json(value) if name in _STORED_AS_JSON else value
        for name, value in fields.items()
        if value is not None
    }
    return {**stored, "PartitionKey": partition, "RowKey": row, "isOpen": record.is_open}


def to_record(entity: TableEntity) -> CancellationRecord:
    """The row that is stored in an entity.

    Raises:
        msgspec.MsgspecError: It is none.
    """
    fields = {
        name: msgspec.json.decode(value) if name in _STORED_AS_JSON else plain(value)
        for name, value in entity.items()
    }
    fields["etag"] = entity.metadata["etag"]
    # None is stored by leaving the property out, and is not this field's default.
    fields.setdefault("newerOperations", None)
    return msgspec.convert(fields, ready(CancellationRecord))


def readable(entity: TableEntity) -> CancellationRecord | None:
    """The row, or None for one that somebody else has written: it must not stop the others."""
    try:
        return to_record(entity)
    except msgspec.MsgspecError as error:
        tell_unreadable(entity, error)
        return None


def tell_unreadable(entity: Mapping[str, Any], error: Exception) -> None:
    """Write the event that an entity is none of the app's."""
    row = str(entity.get("RowKey", ""))
    event("row-unreadable", level=logging.ERROR, row=row, reason=str(error))


def plain(value: Any) -> Any:
    """The SDK's datetime subclass keeps the service's precision in a way of its own."""
    if isinstance(value, datetime):
        return datetime.fromtimestamp(value.timestamp(), UTC)
    return value
