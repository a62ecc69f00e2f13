"""What every ledger has to do; each kind of ledger comes in by the fixture ``ledger``."""

import socket
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice

import pytest
from azure.data.tables import TableClient
from msgspec.structs import fields, replace

from devstack.azurite import Azurite
from shared.errors import RowConflictError, StorageUnavailableError
from shared.ledger import Ledger, TableLedger, amend
from shared.models import Outcome, OutcomeName, Refusal
from shared.record import MAX_STEPS, CancellationRecord
from tests.integration.parts import fresh_name
from tests.integration.raw_server import RawServer
from tests.integration.rows import NOW, bare, full
from tests.simulation.storage import SimulatedLedger

pytestmark = pytest.mark.integration


@pytest.fixture
def table(azurite: Azurite) -> Iterator[TableClient]:
    with TableClient.from_connection_string(
        azurite.connection_string, fresh_name(), retry_total=0
    ) as client:
        yield client


@pytest.fixture(params=["storage", "simulated"])
def ledger(request: pytest.FixtureRequest) -> Ledger:
    if request.param == "simulated":
        return SimulatedLedger()
    return TableLedger(request.getfixturevalue("table"))


def stored(ledger: Ledger, record: CancellationRecord) -> CancellationRecord:
    found = ledger.get(record.publisher_id, record.offer_id, record.request_id)
    assert found is not None
    return found


def test_the_full_row_of_these_tests_leaves_no_field_at_its_default() -> None:
    record, plain = full(), bare()
    same = [f.name for f in fields(record) if getattr(record, f.name) == getattr(plain, f.name)]
    assert same == ["created_at", "etag"]


@pytest.mark.parametrize(
    "record",
    [
        bare(),
        full(),
        bare(newer_operations=None),
        bare(newer_operations=(), emails=(), history=()),
        bare(outcome=Outcome(name=OutcomeName.EXPIRED, at=NOW)),
        bare(refusal=Refusal(status_code=400)),
        bare(requested_at=datetime(2026, 1, 1, tzinfo=UTC)),
    ],
    ids=["bare", "full", "no-list", "empty", "outcome", "refusal", "whole-second"],
)
def test_a_row_comes_back_as_it_was_written(ledger: Ledger, record: CancellationRecord) -> None:
    inserted = ledger.insert(record)
    assert inserted.etag
    assert stored(ledger, record) == inserted == replace(record, etag=inserted.etag)
    replaced = ledger.replace(replace(inserted, polls=8, etag=inserted.etag))
    assert replaced.etag != inserted.etag
    assert stored(ledger, record) == replaced


def test_a_field_can_be_emptied(ledger: Ledger) -> None:
    inserted = ledger.insert(full())
    emptied = bare(request_id=inserted.request_id, publisher_id=inserted.publisher_id)
    replaced = ledger.replace(replace(emptied, offer_id=inserted.offer_id, etag=inserted.etag))
    assert stored(ledger, inserted) == replaced
    assert replaced.emails == ()


def test_a_row_that_is_not_there_is_none(ledger: Ledger) -> None:
    assert ledger.get("contoso", "contoso-vm", str(uuid.uuid4())) is None
    ledger.insert(bare())
    assert ledger.get("contoso", "contoso-vm", str(uuid.uuid4())) is None


def test_a_row_is_found_in_any_case_of_publisher_and_request(ledger: Ledger) -> None:
    record = ledger.insert(bare())
    found = ledger.get("CONTOSO", record.offer_id, record.request_id.upper())
    assert found == record
    assert record.publisher_id == "Contoso"


def test_a_row_is_inserted_once(ledger: Ledger) -> None:
    record = ledger.insert(bare(reason="first"))
    with pytest.raises(RowConflictError):
        ledger.insert(replace(record, reason="second"))
    assert stored(ledger, record).reason == "first"


def test_of_many_inserts_at_once_one_wins(ledger: Ledger) -> None:
    record = bare()

    def insert(reason: str) -> str:
        try:
            return ledger.insert(replace(record, reason=reason)).reason
        except RowConflictError:
            return ""

    with ThreadPoolExecutor(4) as workers:
        [winner] = filter(None, workers.map(insert, "abcd"))
    assert stored(ledger, record).reason == winner


def test_a_row_is_written_only_against_the_version_that_was_read(ledger: Ledger) -> None:
    first = ledger.insert(bare())
    second = ledger.replace(replace(first, reason="second"))
    with pytest.raises(RowConflictError):
        ledger.replace(replace(first, reason="late"))
    assert ledger.replace(replace(second, reason="third")).reason == "third"
    assert stored(ledger, first).reason == "third"


def test_a_row_that_vanished_cannot_be_written(ledger: Ledger) -> None:
    record = ledger.insert(bare())
    ledger.remove(record)
    with pytest.raises(RowConflictError):
        ledger.replace(record)


def test_a_row_is_removed_in_the_version_that_was_read_and_in_no_other(ledger: Ledger) -> None:
    read = ledger.insert(bare())
    current = ledger.replace(replace(read, reason="meanwhile"))
    with pytest.raises(RowConflictError):
        ledger.remove(read)
    ledger.remove(current)
    assert ledger.get(read.publisher_id, read.offer_id, read.request_id) is None
    ledger.remove(current)


def test_a_row_whose_version_nobody_knows_is_removed_all_the_same(ledger: Ledger) -> None:
    read = ledger.insert(bare())
    ledger.remove(replace(read, etag=""))
    assert ledger.get(read.publisher_id, read.offer_id, read.request_id) is None


def test_a_change_holds_whatever_else_was_written_meanwhile(ledger: Ledger) -> None:
    read = ledger.insert(bare())
    ledger.replace(replace(read, reason="meanwhile"))
    amended = amend(ledger, read, lambda current: replace(current, polls=current.polls + 1))
    assert (amended.reason, amended.polls) == ("meanwhile", 1)
    assert stored(ledger, read) == amended


def test_many_changes_at_once_all_hold(ledger: Ledger) -> None:
    record = ledger.insert(bare())

    def count(_: int) -> CancellationRecord:
        return amend(ledger, record, lambda current: replace(current, polls=current.polls + 1))

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(count, range(4)))
    assert stored(ledger, record).polls == 4


def test_a_change_to_a_row_that_vanished_makes_it_anew(ledger: Ledger) -> None:
    record = ledger.insert(bare(reason="kept"))
    ledger.remove(record)
    amended = amend(ledger, record, lambda current: replace(current, polls=5))
    assert stored(ledger, record) == amended
    assert (amended.reason, amended.polls) == ("kept", 5)


CALLS: dict[str, Callable[[Ledger], object]] = {
    "get": lambda ledger: ledger.get("contoso", "contoso-vm", str(uuid.uuid4())),
    "insert": lambda ledger: ledger.insert(bare()),
    "open": lambda ledger: list(ledger.open_records()),
    "get-with-open-ones": lambda ledger: ledger.get_with_open_ones("contoso", "contoso-vm", "1")[1],
    "open-of-offer": lambda ledger: list(ledger.open_records("contoso", "contoso-vm")),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_table_that_is_missing_is_made_by_whatever_call_misses_it(
    ledger: Ledger, call: str
) -> None:
    assert isinstance(CALLS[call](ledger), CancellationRecord | list | None)
    record = ledger.insert(bare())
    assert stored(ledger, record) == record


def test_many_who_miss_the_table_at_once_all_get_their_row_in(ledger: Ledger) -> None:
    records = [bare() for _ in range(4)]
    with ThreadPoolExecutor(4) as workers:
        list(workers.map(ledger.insert, records))
    assert len(list(ledger.open_records())) == 4


def ids(records: Iterable[CancellationRecord]) -> set[str]:
    return {record.request_id for record in records}


def test_open_rows_are_found_beyond_one_page(table: TableClient) -> None:
    table.create_table()
    partition = [
        (
            "create",
            {
                "PartitionKey": "contoso",
                "RowKey": f"contoso-vm:{uuid.UUID(int=number)}",
                "requestId": str(uuid.UUID(int=number)),
                "publisherId": "contoso",
                "offerId": "contoso-vm",
                "source": "http",
                "requestedAt": NOW,
                "createdAt": NOW,
                "lastStepAt": NOW,
                "isOpen": True,
            },
        )
        for number in range(1050)
    ]
    for start in range(0, len(partition), 100):
        table.submit_transaction(partition[start : start + 100])
    found = TableLedger(table).open_records("contoso", "contoso-vm")
    assert len(ids(found)) == 1050


def test_open_rows_are_read_as_they_are_asked_for(table: TableClient) -> None:
    """However many are pending, memory holds a page of them."""
    table.create_table()
    ledger = TableLedger(table)
    for _ in range(101):
        ledger.insert(bare())
    found = iter(ledger.open_records())
    next(found)
    table.delete_table()
    assert len(list(islice(found, 99))) == 99  # the rest of the first page
    with pytest.raises(StopIteration):
        next(found)  # the second page is read from a table that is new


def test_the_longest_history_fits_into_a_row(table: TableClient) -> None:
    ledger = TableLedger(table)
    record = ledger.insert(bare(emails=tuple(f"{'a' * 60}{n}@contoso.com" for n in range(50))))
    for _ in range(MAX_STEPS + 10):
        record = record.with_step(NOW, "request-rescheduled", "\U0001f600" * 1000)
    written = ledger.replace(record)
    assert len(written.history) == MAX_STEPS
    assert stored(ledger, record) == written
    # The service allows 64 KiB of UTF-16 in one property; the emulator does not mind.
    [entity] = table.query_entities("RowKey lt '~'")
    texts = [value for value in entity.values() if isinstance(value, str)]
    assert max(len(text.encode("utf-16-le")) for text in texts) <= 64 * 1024


@pytest.mark.parametrize("call", CALLS)
def test_a_table_that_nobody_answers_for_is_unavailable(azurite: Azurite, call: str) -> None:
    with closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(StorageUnavailableError):
            CALLS[call](ledger_at(azurite, bound.getsockname()[1]))


@pytest.mark.parametrize("call", CALLS)
def test_a_table_that_hangs_up_is_unavailable_and_not_asked_again(
    azurite: Azurite, call: str
) -> None:
    with RawServer(lambda connection: connection.close()) as server:
        with pytest.raises(StorageUnavailableError):
            CALLS[call](ledger_at(azurite, server.port))
        assert server.connections == 1


def ledger_at(azurite: Azurite, port: int) -> Ledger:
    elsewhere = azurite.connection_string.replace(f":{azurite.ports['Table']}/", f":{port}/")
    return TableLedger(TableClient.from_connection_string(elsewhere, "atable", retry_total=0))
