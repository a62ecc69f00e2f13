"""A ledger that only keeps what is written to it."""

from msgspec.structs import replace

from shared.errors import RowConflictError
from shared.record import CancellationRecord


class KeptRows:
    """Implements the ledger's protocol, with every version that a row had."""

    def __init__(self, trouble: dict[str, Exception] | None = None) -> None:
        """Keep rows, or raise what ``trouble`` has for the name of a method."""
        self.versions: list[CancellationRecord] = []
        self._trouble = trouble or {}

    def get(self, publisher_id: str, offer_id: str, request_id: str) -> CancellationRecord | None:
        """The row's last version."""
        self._fail("get")
        found = [row for row in self.versions if row.request_id == request_id]
        return found[-1] if found else None

    def get_with_open_ones(
        self, publisher_id: str, offer_id: str, request_id: str
    ) -> tuple[CancellationRecord | None, list[CancellationRecord]]:
        """The row's last version, and no others: nobody asks."""
        return self.get(publisher_id, offer_id, request_id), []

    def insert(self, record: CancellationRecord) -> CancellationRecord:
        """Add the row."""
        self._fail("insert")
        if self.get(record.publisher_id, record.offer_id, record.request_id):
            raise RowConflictError("there is one")
        return self._write(record)

    def replace(self, record: CancellationRecord) -> CancellationRecord:
        """Write the row against its version."""
        self._fail("replace")
        current = self.get(record.publisher_id, record.offer_id, record.request_id)
        if current is None or current.etag != record.etag:
            raise RowConflictError("it changed")
        return self._write(record)

    def remove(self, record: CancellationRecord) -> None:
        """Forget every version of the row, unless it was written since."""
        self._fail("remove")
        current = self.get(record.publisher_id, record.offer_id, record.request_id)
        if current and record.etag not in ("", current.etag):
            raise RowConflictError("it changed")
        self.versions = [row for row in self.versions if row.request_id != record.request_id]

    def open_records(
        self, publisher_id: str | None = None, offer_id: str | None = None
    ) -> list[CancellationRecord]:
        """Nothing: nobody asks."""
        return []

    def unfinished_records(self) -> list[CancellationRecord]:
        """Nothing: nobody asks."""
        return []

    def _write(self, record: CancellationRecord) -> CancellationRecord:
        self.versions.append(replace(record, etag=str(len(self.versions) + 1)))
        return self.versions[-1]

    def _fail(self, name: str) -> None:
        if name in self._trouble:
            raise self._trouble[name]
