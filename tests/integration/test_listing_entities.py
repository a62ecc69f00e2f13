"""The row and what lists show of it are written together, or not at all."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from azure.data.tables import TableClient
from msgspec.structs import replace

from devstack.azurite import Azurite
from shared.errors import RowConflictError
from shared.ledger import TableLedger
from shared.listing import Listing, Query
from shared.listing_entity import AFTER_ALL, PREFIX, Listed, listed, newest_first
from shared.models import Outcome, OutcomeName
from shared.record import CancellationRecord, Mail, State, Status
from tests.integration.parts import fresh_name
from tests.integration.rows import NOW, bare, full

pytestmark = pytest.mark.integration


@pytest.fixture
def table(azurite: Azurite) -> Iterator[TableClient]:
    with TableClient.from_connection_string(
        azurite.connection_string, fresh_name(), retry_total=0
    ) as client:
        client.create_table()
        yield client


@pytest.fixture
def ledger(table: TableClient) -> TableLedger:
    return TableLedger(table)


def shown(table: TableClient) -> list[Listed]:
    return list(Listing(table).page(Query()).requests)


def keys(table: TableClient) -> list[str]:
    return [entity["RowKey"] for entity in table.list_entities()]


def unlist(table: TableClient, record: CancellationRecord) -> None:
    """As if the row had been written by a version of the app that knew no lists."""
    table.delete_entity(record.publisher_id.lower(), listed(record).row_key)


ENDED = Outcome(name=OutcomeName.EXPIRED, at=NOW + timedelta(minutes=2))


@pytest.mark.parametrize(
    "record",
    [
        bare(),
        full(),
        bare(outcome=ENDED, state=State.ENDED, mail=Mail.NOBODY),
        bare(created_at=NOW.replace(microsecond=1)),
    ],
    ids=["bare", "full", "ended", "microsecond"],
)
def test_a_list_shows_what_the_row_has(
    table: TableClient, ledger: TableLedger, record: CancellationRecord
) -> None:
    ledger.insert(record)
    [found] = shown(table)
    assert found == Listed(
        request_id=record.request_id,
        publisher_id=record.publisher_id,
        offer_id=record.offer_id,
        status=record.status,
        outcome=record.outcome.name if record.outcome else None,
        created_at=record.created_at,
        last_step_at=record.last_step_at,
        ended_at=record.outcome.at if record.outcome else None,
        mail=record.mail,
        source=record.source,
    )


def test_a_list_shows_each_change_of_the_row(table: TableClient, ledger: TableLedger) -> None:
    seen: list[tuple[Status, Mail]] = []
    record = ledger.insert(bare())
    changes: tuple[dict[str, Any], ...] = (
        {"state": State.SUBMITTING},
        {"state": State.PENDING},
        {"state": State.ENDED, "outcome": Outcome(name=OutcomeName.CANCELED, at=NOW)},
        {"mail": Mail.SENT},
        {"outcome": None, "mail": Mail.NONE, "state": State.PENDING},  # a person put it back
    )
    for number, change in enumerate(changes):
        at = NOW + timedelta(minutes=number)
        record = ledger.replace(record.with_step(at, "changed", **change))
        [found] = shown(table)
        assert found.last_step_at == at
        seen.append((found.status, found.mail))
    assert seen == [
        (Status.RUNNING, Mail.NONE),
        (Status.RUNNING, Mail.NONE),
        (Status.CANCELED, Mail.NONE),
        (Status.CANCELED, Mail.SENT),
        (Status.RUNNING, Mail.NONE),
    ]


def test_a_write_that_comes_too_late_changes_neither(
    table: TableClient, ledger: TableLedger
) -> None:
    read = ledger.insert(bare())
    current = ledger.replace(replace(read, state=State.PENDING))
    too_late = replace(read, outcome=ENDED)
    for write in (ledger.replace, ledger.remove, ledger.insert):
        with pytest.raises(RowConflictError):
            write(too_late)
        assert shown(table) == [listed(current)]
        assert list(ledger.open_records()) == [current]


def test_a_row_that_is_gone_is_not_listed_by_a_late_write(
    table: TableClient, ledger: TableLedger
) -> None:
    record = ledger.insert(bare())
    ledger.remove(record)
    assert keys(table) == []
    with pytest.raises(RowConflictError):
        ledger.replace(record)
    assert keys(table) == []


def test_rows_are_never_taken_for_what_is_listed_nor_the_other_way_round(
    table: TableClient, ledger: TableLedger
) -> None:
    kept = {ledger.insert(bare()).request_id, ledger.insert(bare(mail=Mail.SENDING)).request_id}
    offer = bare().publisher_id, bare().offer_id
    for found in (ledger.open_records(), ledger.open_records(*offer), ledger.unfinished_records()):
        assert sorted(each.request_id for each in found) == sorted(kept)
    _, others = ledger.get_with_open_ones(*offer, next(iter(kept)))
    assert len(others) == 1
    assert len(list(table.query_entities("requestId ne ''"))) == 2
    assert len(keys(table)) == 4


@pytest.mark.parametrize("is_known", [True, False], ids=["its-version", "any-version"])
def test_a_row_that_was_never_listed_can_be_removed(
    table: TableClient, ledger: TableLedger, is_known: bool
) -> None:
    record = ledger.insert(bare())
    unlist(table, record)
    ledger.remove(record if is_known else replace(record, etag=""))
    assert keys(table) == []


def test_a_row_that_was_never_listed_is_kept_if_it_was_written_since(
    table: TableClient, ledger: TableLedger
) -> None:
    read = ledger.insert(bare())
    current = ledger.replace(replace(read, reason="meanwhile"))
    unlist(table, current)
    with pytest.raises(RowConflictError):
        ledger.remove(read)
    assert list(ledger.open_records()) == [current]


def test_a_row_that_was_never_listed_is_with_its_next_write(
    table: TableClient, ledger: TableLedger
) -> None:
    record = ledger.insert(bare())
    unlist(table, record)
    assert shown(table) == []
    assert list(ledger.unfinished_records()) == [record]
    written = ledger.replace(replace(record, state=State.PENDING))
    assert shown(table) == [listed(written)]


def test_what_is_listed_of_a_row_that_is_gone_goes_when_it_is_removed_once_more(
    table: TableClient, ledger: TableLedger
) -> None:
    record = ledger.insert(bare())
    table.delete_entity(record.publisher_id.lower(), f"{record.offer_id}:{record.request_id}")
    ledger.remove(record)
    assert keys(table) == []


def test_keys_sort_the_newest_first_and_behind_every_row() -> None:
    times = [NOW, NOW - timedelta(microseconds=1), NOW - timedelta(days=4000)]
    found = [listed(bare(created_at=time)).row_key for time in times]
    assert found == sorted(found)
    assert {len(newest_first(time)) for time in times} == {18}
    highest = listed(bare(offer_id="z" * 50, created_at=NOW.replace(year=1971)))
    assert f"{'z' * 50}:ffff" < PREFIX < found[0] < highest.row_key < AFTER_ALL
