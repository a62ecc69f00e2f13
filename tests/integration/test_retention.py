"""Rows are removed in small steps, once nothing has been left to do for them for long enough."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from azure.data.tables import TableClient
from msgspec.structs import replace

from devstack.azurite import Azurite
from shared.errors import StorageUnavailableError
from shared.ledger import Ledger, TableLedger
from shared.listing import Listing, Query
from shared.listing_entity import listed
from shared.models import Outcome, OutcomeName
from shared.record import CancellationRecord, Mail, State
from shared.retention import EVERY, STEP, Retention
from tests.integration.crashes import CrashError, Fate
from tests.integration.parts import fresh_name
from tests.integration.rows import NOW, bare

pytestmark = pytest.mark.integration

KEEP = timedelta(days=90)
OLD = NOW - KEEP - timedelta(seconds=1)
RECENT = NOW - KEEP + timedelta(seconds=1)


class Clock:
    """A clock that only a test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class Slow:
    """A ledger whose every read takes so long."""

    def __init__(self, ledger: Ledger, clock: Clock, each: timedelta) -> None:
        self._ledger, self._clock, self._each = ledger, clock, each

    def __getattr__(self, name: str) -> Any:
        if name == "get":
            self._clock.now += self._each
        return getattr(self._ledger, name)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def table(azurite: Azurite) -> Iterator[TableClient]:
    with TableClient.from_connection_string(
        azurite.connection_string, fresh_name(), retry_total=0
    ) as client:
        yield client


@pytest.fixture
def ledger(table: TableClient) -> TableLedger:
    return TableLedger(table)


@pytest.fixture
def retention(table: TableClient, clock: Clock) -> Callable[..., Retention]:
    def made(**parts: Any) -> Retention:
        real = {"listing": Listing(table), "ledger": TableLedger(table)}
        return Retention(**{**real, **parts}, keep=KEEP, clock=clock)

    return made


def ended(at: datetime = OLD, **changes: Any) -> CancellationRecord:
    """A request that was made, ended and mailed at once."""
    outcome = Outcome(name=OutcomeName.CANCELED, at=at)
    through = bare(created_at=at, last_step_at=at, outcome=outcome, state=State.ENDED)
    return replace(through, **{"mail": Mail.SENT, **changes})


def left(table: TableClient) -> list[str]:
    """The keys of all that is in the table."""
    return [entity["RowKey"] for entity in table.list_entities()]


def test_what_has_ended_long_ago_goes_with_what_is_listed_of_it(
    table: TableClient, ledger: TableLedger, retention: Callable[..., Retention]
) -> None:
    mails = (Mail.SENT, Mail.NOBODY, Mail.FAILED)
    for number, mail in enumerate(mails):
        ledger.insert(ended(mail=mail, publisher_id=f"p{number}"))
    kept = ledger.insert(ended(RECENT))
    retention().run_if_due()
    assert sorted(left(table)) == sorted([f"contoso-vm:{kept.request_id}", listed(kept).row_key])


@pytest.mark.parametrize(
    "record",
    [
        ended(outcome=None, state=State.PENDING),
        ended(mail=Mail.NONE),
        ended(mail=Mail.SENDING),
        ended(last_step_at=RECENT),
        ended(RECENT),
    ],
    ids=["open", "unmailed", "being-mailed", "worked-on-since", "recent"],
)
def test_what_is_not_through_or_not_for_long_is_kept(
    ledger: TableLedger, retention: Callable[..., Retention], record: CancellationRecord
) -> None:
    inserted = ledger.insert(record)
    retention().run_if_due()
    assert ledger.get(record.publisher_id, record.offer_id, record.request_id) == inserted


def test_the_row_has_the_say_whatever_is_listed(
    table: TableClient, ledger: TableLedger, retention: Callable[..., Retention]
) -> None:
    record = ledger.insert(ended(outcome=None, state=State.PENDING))
    said = {"status": "canceled", "mailState": "sent"}
    key = {"PartitionKey": "contoso", "RowKey": listed(record).row_key}
    table.update_entity({**key, **said})
    retention().run_if_due()
    assert list(ledger.open_records()) == [record]


def test_who_puts_a_request_back_just_then_keeps_it(
    ledger: TableLedger, retention: Callable[..., Retention]
) -> None:
    record = ledger.insert(ended())

    class PutBack(Slow):
        """A person is faster, once the row was read."""

        def __getattr__(self, name: str) -> Any:
            if name == "remove":
                ledger.replace(replace(record, outcome=None, mail=Mail.NONE))
            return super().__getattr__(name)

    retention(ledger=PutBack(ledger, Clock(), timedelta())).run_if_due()
    assert [each.request_id for each in ledger.open_records()] == [record.request_id]


def test_what_is_listed_of_a_row_that_a_person_removed_goes_too(
    table: TableClient, ledger: TableLedger, retention: Callable[..., Retention]
) -> None:
    record = ledger.insert(ended())
    table.delete_entity("contoso", f"contoso-vm:{record.request_id}")
    retention().run_if_due()
    assert left(table) == []


def test_a_step_is_small_and_the_next_one_goes_on_at_once_as_long_as_there_is_more(
    table: TableClient, ledger: TableLedger, retention: Callable[..., Retention], clock: Clock
) -> None:
    for _ in range(STEP + 5):
        ledger.insert(ended())
    keeper = retention()
    counts = []
    for _ in range(3):
        keeper.run_if_due()
        counts.append(len(left(table)) // 2)
    assert counts == [5, 0, 0]
    ledger.insert(ended())
    clock.now += EVERY - timedelta(seconds=1)
    keeper.run_if_due()
    assert len(left(table)) == 2
    clock.now += timedelta(seconds=1)
    keeper.run_if_due()
    assert left(table) == []


def test_a_step_ends_when_storage_is_slow(
    table: TableClient, ledger: TableLedger, retention: Callable[..., Retention], clock: Clock
) -> None:
    for _ in range(5):
        ledger.insert(ended())
    slow = Slow(ledger, clock, timedelta(seconds=11))
    retention(ledger=slow).run_if_due()
    assert len(left(table)) // 2 == 3


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(3))
def test_a_crash_between_leaves_whole_rows_and_the_next_step_finishes(
    table: TableClient,
    ledger: TableLedger,
    retention: Callable[..., Retention],
    at: int,
    after: bool,
) -> None:
    for number in range(3):
        ledger.insert(ended(publisher_id=f"p{number % 2}"))
    fate = Fate(at, after=after)
    with pytest.raises(CrashError):
        retention(ledger=fate.over("row", ledger)).run_if_due()
    shown = Listing(table).page(Query()).requests
    rows = [ledger.get(each.publisher_id, each.offer_id, each.request_id) for each in shown]
    assert len(rows) == len(left(table)) / 2 == 3 - at - after
    assert None not in rows
    retention().run_if_due()
    assert left(table) == []


def test_a_step_that_storage_kept_from_ending_is_due_again(
    table: TableClient, ledger: TableLedger, retention: Callable[..., Retention]
) -> None:
    ledger.insert(ended())
    fate = Fate(0, error=lambda: StorageUnavailableError("ServerBusy"))
    keeper = retention(ledger=fate.over("row", ledger))
    with pytest.raises(StorageUnavailableError):
        keeper.run_if_due()
    assert len(left(table)) == 2
    keeper.run_if_due()
    assert left(table) == []


def test_two_who_remove_the_same_do_no_harm(
    table: TableClient, ledger: TableLedger, retention: Callable[..., Retention]
) -> None:
    ledger.insert(ended())
    other = retention()

    class AfterAnother(Slow):
        def __getattr__(self, name: str) -> Any:
            if name == "remove":
                other.run_if_due()
            return super().__getattr__(name)

    retention(ledger=AfterAnother(ledger, Clock(), timedelta())).run_if_due()
    assert left(table) == []


def test_where_there_is_no_table_there_is_nothing_to_remove(
    table: TableClient, retention: Callable[..., Retention]
) -> None:
    retention().run_if_due()
    TableLedger(table).insert(bare())
    assert len(left(table)) == 2
