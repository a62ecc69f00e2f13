"""What a list shows of a request, as an entity beside its row.

It has a key of its own, by which the newest come first. None of its columns is one by which
anybody asks for rows.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from azure.data.tables import TableEntity

from shared.models import OutcomeName
from shared.record import CancellationRecord, Mail, Status
from shared.row_entities import keys_of, plain
from shared.struct_types import ready

PREFIX = "~"  # sorts after whatever an offer's id may begin with
AFTER_ALL = f"{PREFIX}:"  # ":" sorts after every digit
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENT = timedelta(microseconds=1)
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MOMENT


class Listed(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename={
        "request_id": "request",
        "publisher_id": "publisher",
        "offer_id": "offer",
        "created_at": "created",
        "last_step_at": "lastStep",
        "ended_at": "ended",
        "mail": "mailState",
        "source": "way",
    },
):
    """A request as a list shows it. Every time is aware UTC.

    Attributes:
        publisher_id: As it was given.
        ended_at: When its outcome was found; None while it is open.
        mail: What became of its outcome's mail.
        source: By which way it came, as in the row.
    """

    request_id: str
    publisher_id: str
    offer_id: str
    status: Status
    outcome: OutcomeName | None = None
    created_at: datetime
    last_step_at: datetime
    ended_at: datetime | None = None
    mail: Mail
    source: str

    @property
    def row_key(self) -> str:
        """The entity's key within its publisher's partition."""
        _, row = keys_of(self.publisher_id, self.offer_id, self.request_id)
        return f"{PREFIX}{newest_first(self.created_at)}:{row}"


def newest_first(time: datetime) -> str:
    """Digits of a fixed width, which sort before those of any earlier time."""
    return f"{_LAST - (time - _EPOCH) // _MOMENT:018}"


def listed(record: CancellationRecord) -> Listed:
    """What a list shows of a row."""
    outcome = record.outcome
    return Listed(
        request_id=record.request_id,
        publisher_id=record.publisher_id,
        offer_id=record.offer_id,
        status=record.status,
        outcome=outcome.name if outcome else None,
        created_at=record.created_at,
        last_step_at=record.last_step_at,
        ended_at=outcome.at if outcome else None,
        mail=record.mail,
        source=record.source,
    )


def to_entity(shown: Listed) -> dict[str, Any]:
    """The entity as it is stored."""
    columns: dict[str, Any] = msgspec.to_builtins(shown, builtin_types=(datetime,))
    stored = {name: value for name, value in columns.items() if value is not None}
    return {**stored, "PartitionKey": shown.publisher_id.lower(), "RowKey": shown.row_key}


def to_listed(entity: TableEntity) -> Listed:
    """What is stored in an entity.

    Raises:
        msgspec.MsgspecError: It is none of ours.
    """
    columns = {name: plain(value) for name, value in entity.items()}
    return msgspec.convert(columns, ready(Listed))
