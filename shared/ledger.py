"""Table ``cancellations``: one row a request, written only against the version that was read.

A row's partition is its publisher in lower case, and its row key is offer and request id, so that
one request, and all of an offer or of a publisher, are cheap reads. What lists show of it is
written with it, in one transaction: neither is ever there, or as it is, without the other. The
table is created when it is first missed.
"""

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

from azure.core import MatchConditions
from azure.data.tables import TableClient, TableEntity, UpdateMode
from msgspec.structs import replace

from shared import listing_entity
from shared.errors import RowConflictError, StorageUnavailableError
from shared.listing_entity import listed
from shared.record import CancellationRecord, Mail
from shared.row_entities import keys_of, readable, to_entity, to_record
from shared.table_calls import TABLE as TABLE
from shared.table_calls import EntityMissingError, TableMissingError, translated
from shared.telemetry import event

_MAX_CONFLICTS = 10
_QUERY_SECONDS = 10  # for each page: the service looks through a table for 5 s before it answers
_PAGE = 100  # rows in memory at once, however many are open

type _Operation = tuple[str, dict[str, Any]] | tuple[str, dict[str, Any], dict[str, Any]]


class Ledger(Protocol):
    """Every request's row. All methods raise ``StorageUnavailableError`` when it is out of reach.

    A write whose answer is lost may have happened: read again before deciding anything by it.
    """

    def get(self, publisher_id: str, offer_id: str, request_id: str) -> CancellationRecord | None:
        """The row, or None."""

    def get_with_open_ones(
        self, publisher_id: str, offer_id: str, request_id: str
    ) -> tuple[CancellationRecord | None, list[CancellationRecord]]:
        """The row, or None, with the other rows of its offer that have no outcome, in one read."""

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
        partition, row = keys_of(publisher_id, offer_id, request_id)
        try:
            return to_record(self._call(lambda: self._client.get_entity(partition, row)))
        except EntityMissingError:
            return None

    def get_with_open_ones(
        self, publisher_id: str, offer_id: str, request_id: str
    ) -> tuple[CancellationRecord | None, list[CancellationRecord]]:
        """The row, or None, with the other open rows of its offer that can be read."""
        _, row = keys_of(publisher_id, offer_id, request_id)
        query, values = _of_offer(publisher_id, offer_id)
        query = f"{query} and (RowKey eq @row or isOpen eq true)"
        found, others = None, []
        for entity in self._entities(query, {**values, "row": row}):
            if entity["RowKey"] == row:
                found = to_record(entity)
            elif (other := readable(entity)) is not None:
                others.append(other)
        return found, others

    def insert(self, record: CancellationRecord) -> CancellationRecord:
        """Add the row; ``RowConflictError`` when there is one."""
        return self._written(record, ("create", to_entity(record)))

    def replace(self, record: CancellationRecord) -> CancellationRecord:
        """Write the row against its ETag."""
        options = {"mode": UpdateMode.REPLACE, **_unchanged(record)}
        try:
            return self._written(record, ("update", to_entity(record), options))
        except EntityMissingError as error:
            raise RowConflictError(f"row {record.request_id} is gone") from error

    def remove(self, record: CancellationRecord) -> None:
        """Remove the row against its ETag; whatever version it has where none is known."""
        partition, row = keys_of(record.publisher_id, record.offer_id, record.request_id)
        keys = {"PartitionKey": partition, "RowKey": row}
        unlisted = {"PartitionKey": partition, "RowKey": listed(record).row_key}
        both: list[_Operation] = [
            ("delete", keys, _unchanged(record) if record.etag else {}),
            ("delete", unlisted),
        ]
        try:
            self._transaction(both)
        except EntityMissingError:  # one of them, or both
            for one in both:
                with contextlib.suppress(EntityMissingError):
                    self._transaction([one])

    def open_records(
        self, publisher_id: str | None = None, offer_id: str | None = None
    ) -> Iterator[CancellationRecord]:
        """The rows without an outcome that can be read: all of them, or those of one offer."""
        query = "isOpen eq true"
        values: dict[str, str] = {}
        if publisher_id is not None and offer_id is not None:
            of_offer, values = _of_offer(publisher_id, offer_id)
            query = f"{query} and {of_offer}"
        return self._query(query, values)

    def unfinished_records(self) -> Iterator[CancellationRecord]:
        """All rows without an outcome, or whose outcome is still to be mailed."""
        unmailed = " or ".join(f"mail eq '{mail}'" for mail in (Mail.NONE, Mail.SENDING))
        return self._query(f"isOpen eq true or {unmailed}", {})

    def _query(self, query: str, values: dict[str, str]) -> Iterator[CancellationRecord]:
        rows = map(readable, self._entities(query, values))
        return (record for record in rows if record is not None)

    def _entities(self, query: str, values: dict[str, str]) -> Iterator[TableEntity]:
        found = self._client.query_entities(
            query, parameters=values, results_per_page=_PAGE, read_timeout=_QUERY_SECONDS
        )
        pages = found.by_page()
        # A page may be empty with others to come, so that only the end of all pages is the end.
        while (page := self._call(lambda: next(pages, None))) is not None:
            yield from page

    def _written(self, record: CancellationRecord, operation: _Operation) -> CancellationRecord:
        shown = listing_entity.to_entity(listed(record))
        # Not insisted on, so that a row which has none gets one.
        beside = "upsert", shown, {"mode": UpdateMode.REPLACE}
        written, _ = self._transaction([operation, beside])
        return replace(record, etag=str(written["etag"]))

    def _transaction(self, operations: list[_Operation]) -> list[Mapping[str, Any]]:
        return self._call(lambda: self._client.submit_transaction(operations))

    def _call[T](self, call: Callable[[], T]) -> T:
        with contextlib.suppress(TableMissingError):
            return translated(call)
        with contextlib.suppress(RowConflictError):  # somebody else has just made it
            translated(self._client.create_table)
        return translated(call)


def _unchanged(record: CancellationRecord) -> dict[str, Any]:
    return {"etag": record.etag, "match_condition": MatchConditions.IfNotModified}


def _of_offer(publisher_id: str, offer_id: str) -> tuple[str, dict[str, str]]:
    """The part of a query that finds an offer's rows, with its parameters."""
    partition, first = keys_of(publisher_id, offer_id, "")
    query = "PartitionKey eq @publisher and RowKey ge @first and RowKey lt @last"
    return query, {"publisher": partition, "first": first, "last": f"{offer_id};"}
