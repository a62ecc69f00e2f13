"""Table ``cancellations``: one row a request, written only against the version that was read.

A row's partition is its publisher in lower case, and its row key is offer and request id, so that
one request, and all of an offer or of a publisher, are cheap reads. The table is created when it
is first missed.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec
from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.data.tables import TableClient, UpdateMode
from msgspec.structs import replace

from shared.errors import RowConflictError, StorageUnavailableError
from shared.models import to_json
from shared.record import CancellationRecord, Mail
from shared.struct_types import ready
from shared.telemetry import event

TABLE = "cancellations"
_STORED_AS_JSON = frozenset(
    {"refusal", "emails", "newerOperations", "alsoCanceled", "outcome", "history"}
)
_NO_TABLE = "TableNotFound"
_MAX_CONFLICTS = 10
_QUERY_SECONDS = 10  # for each page: the service looks through a table for 5 s before it answers
_PAGE = 100  # rows in memory at once, however many are open


class Ledger(Protocol):
    """Every request's row. All methods raise ``StorageUnavailableError`` when it is out of reach.

    A write whose answer is lost may have happened: read again before deciding anything by it.
    """

    def get(self, publisher_id: str, offer_id: str, request_id: str) -> CancellationRecord | None:
        """The row, or None."""

    def insert(self, record: CancellationRecord) -> CancellationRecord:
        """Add the row; ``RowConflictError`` when there is one."""

    def replace(self, record: CancellationRecord) -> CancellationRecord:
        """Write the row, unless it was written since ``record`` was read: ``RowConflictError``."""

    def remove(self, record: CancellationRecord) -> None:
        """Remove the row of a request that was never accepted; one that is gone is gone.

        Raises:
            RowConflictError: It was written since ``record`` was read, or inserted.
        """

    def open_records(
        self, publisher_id: str | None = None, offer_id: str | None = None
    ) -> Iterable[CancellationRecord]:
        """The rows without an outcome that can be read: all of them, or those of one offer.

        They may be read as they are asked for, so that their number costs no memory.
        """

    def unfinished_records(self) -> Iterable[CancellationRecord]:
        """Likewise, all rows without an outcome, or whose outcome is still to be mailed."""


def amend(
    ledger: Ledger,
    record: CancellationRecord,
    change: Callable[[CancellationRecord], CancellationRecord],
) -> CancellationRecord:
    """Write a change that holds whatever else was written since; rebuild a row that vanished.

    Raises:
        RowConflictError: The row changes faster than it can be written.
    """
    current = record
    for _ in range(_MAX_CONFLICTS):
        try:
            return ledger.replace(change(current))
        except RowConflictError:
            found = ledger.get(record.publisher_id, record.offer_id, record.request_id)
            current = found or ledger.insert(record)
    raise RowConflictError(f"row {record.request_id} changes faster than it can be written")


def note(
    ledger: Ledger,
    record: CancellationRecord,
    change: Callable[[CancellationRecord], CancellationRecord],
) -> None:
    """Amend the row after a message that already carries the change was put on a queue.

    That message is the request's life now. To fail here would bring the one before it back, to be
    put again, and again with each of those; a row that is behind costs a look more.
    """
    try:
        amend(ledger, record, change)
    except (StorageUnavailableError, RowConflictError) as error:
        event(
            "row-not-marked",
            request_id=record.request_id,
            level=logging.WARNING,
            reason=str(error),
        )


class TableLedger:
    """The ledger in the business storage account."""

    def __init__(self, client: TableClient) -> None:
        """Use this client, which must not retry by itself."""
        self._client = client

    def get(self, publisher_id: str, offer_id: str, request_id: str) -> CancellationRecord | None:
        """The row, or None."""
        partition, row = _keys(publisher_id, offer_id, request_id)
        try:
            return _to_record(self._call(lambda: self._client.get_entity(partition, row)))
        except ResourceNotFoundError:
            return None

    def insert(self, record: CancellationRecord) -> CancellationRecord:
        """Add the row; ``RowConflictError`` when there is one."""
        written = self._call(lambda: self._client.create_entity(_to_entity(record)))
        return replace(record, etag=str(written["etag"]))

    def replace(self, record: CancellationRecord) -> CancellationRecord:
        """Write the row against its ETag."""
        try:
            written = self._call(
                lambda: self._client.update_entity(
                    _to_entity(record),
                    mode=UpdateMode.REPLACE,
                    etag=record.etag,
                    match_condition=MatchConditions.IfNotModified,
                )
            )
        except ResourceNotFoundError as error:
            raise RowConflictError(f"row {record.request_id} is gone") from error
        return replace(record, etag=str(written["etag"]))

    def open_records(
        self, publisher_id: str | None = None, offer_id: str | None = None
    ) -> Iterator[CancellationRecord]:
        """The rows without an outcome that can be read: all of them, or those of one offer."""
        query, values = "isOpen eq true", {}
        if publisher_id is not None and offer_id is not None:
            query += " and PartitionKey eq @publisher and RowKey ge @first and RowKey lt @last"
            partition, first = _keys(publisher_id, offer_id, "")
            values = {"publisher": partition, "first": first, "last": f"{offer_id};"}
        return self._query(query, values)

    def unfinished_records(self) -> Iterator[CancellationRecord]:
        """All rows without an outcome, or whose outcome is still to be mailed."""
        unmailed = " or ".join(f"mail eq '{mail}'" for mail in (Mail.NONE, Mail.SENDING))
        return self._query(f"isOpen eq true or {unmailed}", {})

    def _query(self, query: str, values: dict[str, str]) -> Iterator[CancellationRecord]:
        found = self._client.query_entities(
            query, parameters=values, results_per_page=_PAGE, read_timeout=_QUERY_SECONDS
        )
        pages = found.by_page()
        # A page may be empty with others to come, so that only the end of all pages is the end.
        while (page := self._call(lambda: next(pages, None))) is not None:
            yield from (record for record in map(_readable, page) if record is not None)

    def remove(self, record: CancellationRecord) -> None:
        """Remove the row against its ETag; whatever version it has where none is known."""
        partition, row = _keys(record.publisher_id, record.offer_id, record.request_id)
        if not record.etag:
            self._call(lambda: self._client.delete_entity(partition, row))
            return
        self._call(
            lambda: self._client.delete_entity(
                partition,
                row,
                etag=record.etag,
                match_condition=MatchConditions.IfNotModified,
            )
        )

    def _call[T](self, call: Callable[[], T]) -> T:
        try:
            return _translated(call)
        except ResourceNotFoundError as error:
            # An insert is told 404 without a code, and can only mean the table.
            if getattr(error, "error_code", None) is not None and _code(error) != _NO_TABLE:
                raise
        _translated(self._create)
        return _translated(call)

    def _create(self) -> None:
        try:
            self._client.create_table()
        except ResourceExistsError:
            return


def _translated[T](call: Callable[[], T]) -> T:
    try:
        return call()
    except ResourceNotFoundError:
        raise
    except (ResourceExistsError, ResourceModifiedError) as error:
        raise RowConflictError(f"table {TABLE}: {_code(error)}") from error
    except HttpResponseError as error:
        if error.status_code == 412:
            raise RowConflictError(f"table {TABLE}: {_code(error)}") from error
        raise StorageUnavailableError(f"table {TABLE}: {_code(error)}") from error
    except AzureError as error:
        raise StorageUnavailableError(f"table {TABLE}: {type(error).__name__}") from error


def _code(error: HttpResponseError) -> str:
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or error.status_code)


def _keys(publisher_id: str, offer_id: str, request_id: str) -> tuple[str, str]:
    return publisher_id.lower(), f"{offer_id}:{request_id.lower()}"


def _to_entity(record: CancellationRecord) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(record, builtin_types=(datetime,))
    del fields["etag"]
    partition, row = _keys(record.publisher_id, record.offer_id, record.request_id)
    stored = {
        name: to_json(value) if name in _STORED_AS_JSON else value
        for name, value in fields.items()
        if value is not None
    }
    return {**stored, "PartitionKey": partition, "RowKey": row, "isOpen": record.is_open}


def _to_record(entity: Any) -> CancellationRecord:
    fields = {
        name: msgspec.json.decode(value) if name in _STORED_AS_JSON else _plain(value)
        for name, value in entity.items()
    }
    fields["etag"] = entity.metadata["etag"]
    # None is stored by leaving the property out, and is not this field's default.
    fields.setdefault("newerOperations", None)
    return msgspec.convert(fields, ready(CancellationRecord))


def _readable(entity: Any) -> CancellationRecord | None:
    """The row, or None for one that somebody else has written: it must not stop the others."""
    try:
        return _to_record(entity)
    except msgspec.MsgspecError as error:
        row = str(entity.get("RowKey", ""))
        event("row-unreadable", level=logging.ERROR, row=row, reason=str(error))
        return None


def _plain(value: Any) -> Any:
    """The SDK's datetime subclass keeps the service's precision in a way of its own."""
    if isinstance(value, datetime):
        return datetime.fromtimestamp(value.timestamp(), UTC)
    return value
