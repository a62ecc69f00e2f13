"""The newest requests, of one publisher or of all, page by page, from real storage."""

import socket
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from azure.core.pipeline.transport import RequestsTransport
from azure.data.tables import TableClient
from msgspec.structs import replace

from devstack.azurite import Azurite
from shared.errors import StorageUnavailableError
from shared.ledger import TableLedger
from shared.listing import Listing, Place, Query
from shared.models import Outcome, OutcomeName
from shared.record import CancellationRecord, State, Status
from tests.integration.parts import fresh_name
from tests.integration.raw_server import RawServer
from tests.integration.rows import NOW, bare

pytestmark = pytest.mark.integration

_PATIENCE_SECONDS = 60.0  # with an emulator that shares this machine with everything else


class Counted(RequestsTransport):  # type: ignore[misc]
    """Counts the requests, and notes how long each may take to be answered, in seconds."""

    def __init__(self) -> None:
        super().__init__(read_timeout=2)
        self.read_seconds: list[float] = []

    def send(self, request: Any, **options: Any) -> Any:
        self.read_seconds.append(options.get("read_timeout", self.connection_config.read_timeout))
        return super().send(request, **{**options, "read_timeout": _PATIENCE_SECONDS})


@pytest.fixture
def transport() -> Counted:
    return Counted()


@pytest.fixture
def table(azurite: Azurite, transport: Counted) -> Iterator[TableClient]:
    with TableClient.from_connection_string(
        azurite.connection_string, fresh_name(), retry_total=0, transport=transport
    ) as client:
        yield client


@pytest.fixture
def ledger(table: TableClient) -> TableLedger:
    return TableLedger(table)


@pytest.fixture
def listing(table: TableClient) -> Listing:
    return Listing(table)


def made(ledger: TableLedger, minutes: float, **fields: Any) -> str:
    """A request that was made so many minutes after ``NOW``; returns its id."""
    at = NOW + timedelta(minutes=minutes)
    return ledger.insert(bare(created_at=at, last_step_at=at, **fields)).request_id


def ids(listing: Listing, **query: Any) -> list[str]:
    return [each.request_id for each in listing.page(Query(**query)).requests]


def pages(listing: Listing, **query: Any) -> list[list[str]]:
    """Every page, to the last."""
    found: list[list[str]] = []
    after: Place | None = None
    while True:
        page = listing.page(Query(**query, after=after))
        found.append([each.request_id for each in page.requests])
        if page.next is None:
            return found
        after = page.next


def test_the_newest_of_a_publisher_come_first_whatever_the_offer(
    ledger: TableLedger, listing: Listing
) -> None:
    offers = ("z", "a", "m-1", "m_1", "0")
    oldest_first = [made(ledger, n, offer_id=offer) for n, offer in enumerate(offers)]
    made(ledger, 9, publisher_id="contoso2")
    found = ids(listing, publishers=frozenset({"contoso"}))
    assert found == oldest_first[::-1]


def test_the_newest_of_all_come_first_whoever_the_publisher(
    ledger: TableLedger, listing: Listing
) -> None:
    publishers = ("fabrikam", "0-9", "Contoso", "_under", "a.b", "-", "contoso", "zz", "FABRIKAM")
    oldest_first = [made(ledger, n, publisher_id=each) for n, each in enumerate(publishers)]
    assert ids(listing) == oldest_first[::-1]


def test_what_the_app_remembers_beside_is_no_publisher(
    ledger: TableLedger, listing: Listing, table: TableClient, transport: Counted
) -> None:
    mine = made(ledger, 0)
    table.create_entity({"PartitionKey": "~app", "RowKey": "check", "text": "{}"})
    transport.read_seconds.clear()
    assert ids(listing) == [mine]
    assert len(transport.read_seconds) == 3  # it is not even looked at


@pytest.mark.parametrize("top", [1, 2, 3, 7, 100])
def test_pages_together_hold_each_request_once_and_in_order(
    ledger: TableLedger, listing: Listing, top: int
) -> None:
    publishers = ("contoso", "fabrikam", "a")
    # Some are made at the very same moment, for the same offer or another publisher's.
    oldest_first = [made(ledger, n // 4, publisher_id=publishers[n % 3]) for n in range(12)]
    whole = ids(listing, top=100)
    assert sorted(whole) == sorted(oldest_first)
    assert [set(whole[n : n + 4]) for n in (0, 4, 8)] == [
        set(oldest_first[n : n + 4]) for n in (8, 4, 0)
    ]
    found = pages(listing, top=top)
    assert [each for page in found for each in page] == whole
    assert all(len(page) == top for page in found[:-1])
    assert found[-1]


def test_a_page_that_is_just_full_is_the_last(ledger: TableLedger, listing: Listing) -> None:
    for n in range(3):
        made(ledger, n)
    assert listing.page(Query(top=3)).next is None
    assert listing.page(Query(top=2)).next is not None


def test_what_comes_and_goes_between_pages_neither_repeats_nor_hides_others(
    ledger: TableLedger, listing: Listing
) -> None:
    kept = [made(ledger, n, publisher_id=("contoso", "a")[n % 2]) for n in range(8)][::-1]
    first = listing.page(Query(top=3))
    seen = [each.request_id for each in first.requests]
    last_seen, unseen = (
        ledger.get(each.publisher_id, each.offer_id, each.request_id)
        for each in (first.requests[-1], listing.page(Query(top=5)).requests[-1])
    )
    assert last_seen is not None
    assert unseen is not None
    ledger.remove(last_seen)
    ledger.remove(unseen)
    for minutes in (0.5, 99):  # an hour's clock that went back; and a new one
        made(ledger, minutes, publisher_id="b")
    changed = ledger.get("contoso", "contoso-vm", kept[-1])
    assert changed is not None
    ledger.replace(changed.with_step(NOW, "polled", state=State.PENDING))
    rest = listing.page(Query(top=100, after=first.next))
    after = [each.request_id for each in rest.requests if each.publisher_id != "b"]
    assert seen + after == [each for each in kept if each != unseen.request_id]


def with_outcome(name: OutcomeName) -> dict[str, Any]:
    return {"outcome": Outcome(name=name, at=NOW), "state": State.ENDED}


def test_filters_are_held_together(ledger: TableLedger, listing: Listing) -> None:
    waiting = made(ledger, 1)
    running = made(ledger, 2, state=State.PENDING, offer_id="b")
    canceled = made(ledger, 3, **with_outcome(OutcomeName.CANCELED))
    expired = made(ledger, 4, offer_id="b", **with_outcome(OutcomeName.EXPIRED))
    elsewhere = made(ledger, 5, publisher_id="a", **with_outcome(OutcomeName.EXPIRED))
    assert ids(listing, offer_id="b") == [expired, running]
    assert ids(listing, statuses=(Status.NOT_STARTED,)) == [waiting]
    assert ids(listing, statuses=(Status.RUNNING, Status.NOT_STARTED)) == [running, waiting]
    assert ids(listing, statuses=(Status.FAILED,)) == [elsewhere, expired]
    assert ids(listing, outcome=OutcomeName.CANCELED) == [canceled]
    assert ids(listing, outcome=OutcomeName.EXPIRED, publishers=frozenset({"a"})) == [elsewhere]
    assert ids(listing, outcome=OutcomeName.EXPIRED, statuses=(Status.CANCELED,)) == []
    assert ids(listing, offer_id="contoso-v") == []
    assert pages(listing, statuses=(Status.FAILED,), top=1) == [[elsewhere], [expired]]


def test_only_the_publishers_that_are_named_are_looked_at(
    ledger: TableLedger, listing: Listing
) -> None:
    made(ledger, 1, publisher_id="secret")
    mine = [made(ledger, n, publisher_id=each) for n, each in ((3, "b"), (2, "a"))]
    assert ids(listing, publishers=frozenset({"a", "b", "unknown"})) == mine
    assert ids(listing, publishers=frozenset()) == []
    assert ids(listing, publishers=frozenset({"unknown"})) == []


def test_a_continuation_names_no_more_than_what_may_be_seen(
    ledger: TableLedger, listing: Listing
) -> None:
    """Whoever makes one up, or has another's, still sees their own publishers only."""
    made(ledger, 1, publisher_id="secret")
    mine = made(ledger, 0, publisher_id="a")
    after = listing.page(Query(top=1)).next
    assert after is not None
    assert after.publisher == "secret"
    assert ids(listing, publishers=frozenset({"a"}), after=after) == [mine]


def test_the_newest_of_a_publisher_are_one_read_and_of_all_two_for_each_publisher(
    ledger: TableLedger, listing: Listing, transport: Counted
) -> None:
    for n in range(30):
        made(ledger, n, publisher_id=f"p{n % 3}")
    for query, reads in ((Query(publishers=frozenset({"p1"}), top=5), 1), (Query(top=5), 7)):
        transport.read_seconds.clear()
        listing.page(query)
        assert len(transport.read_seconds) == reads
        assert set(transport.read_seconds) == {6}  # the service may look for 5 s


def test_a_page_is_found_behind_many_that_are_not_asked_for(
    listing: Listing, ledger: TableLedger
) -> None:
    wanted = [made(ledger, n / 100, offer_id="b") for n in range(2)]
    for n in range(120):
        made(ledger, 1 + n, offer_id="a")
    assert ids(listing, offer_id="b", top=2) == wanted[::-1]


def test_what_somebody_else_wrote_among_them_stops_no_list(
    ledger: TableLedger, listing: Listing, table: TableClient
) -> None:
    mine = made(ledger, 0)
    foreign: list[dict[str, Any]] = [{}, {"status": "odd"}, {"created": "now", "request": 5}]
    for number, columns in enumerate(foreign):
        table.create_entity({"PartitionKey": "contoso", "RowKey": f"~{number}:x", **columns})
    assert ids(listing) == [mine]


def test_where_there_is_no_table_there_is_nothing_to_list(
    listing: Listing, transport: Counted
) -> None:
    assert ids(listing) == []
    assert ids(listing, publishers=frozenset({"a", "b"})) == []
    assert list(listing.ended_before(NOW)) == []
    assert len(transport.read_seconds) == 4  # none was made


def test_a_list_that_takes_too_long_is_given_up(ledger: TableLedger, table: TableClient) -> None:
    for publisher in ("a", "b", "c"):
        made(ledger, 0, publisher_id=publisher)
    assert len(ids(Listing(table, clock=count(step=0.2).__next__))) == 3
    with pytest.raises(StorageUnavailableError, match="too long"):
        Listing(table, clock=count(step=0.5).__next__).page(Query())


def test_a_table_that_nobody_answers_for_is_unavailable(azurite: Azurite) -> None:
    with closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(StorageUnavailableError):
            listing_at(azurite, bound.getsockname()[1]).page(Query())


def test_a_table_that_hangs_up_is_not_asked_again(azurite: Azurite) -> None:
    with RawServer(lambda connection: connection.close()) as server:
        with pytest.raises(StorageUnavailableError):
            listing_at(azurite, server.port).page(Query())
        assert server.connections == 1


def listing_at(azurite: Azurite, port: int) -> Listing:
    elsewhere = azurite.connection_string.replace(f":{azurite.ports['Table']}/", f":{port}/")
    return Listing(TableClient.from_connection_string(elsewhere, "atable", retry_total=0))


def ended(**changes: Any) -> CancellationRecord:
    return bare(**with_outcome(OutcomeName.CANCELED), mail="sent", **changes)


def test_what_ended_before_a_time_is_known_by_when_it_was_made_and_last_worked_on(
    ledger: TableLedger, listing: Listing
) -> None:
    moment = timedelta(milliseconds=1)  # the emulator compares no finer
    old = [
        ended(publisher_id=each, created_at=NOW - moment, last_step_at=NOW - moment)
        for each in ("a", "b")
    ]
    others = [
        ended(),
        ended(created_at=NOW - moment),
        ended(last_step_at=NOW - moment),
        replace(old[0], request_id=str(uuid.uuid4()), outcome=None),
        replace(old[0], request_id=str(uuid.uuid4()), mail="sending"),
        replace(old[0], request_id=str(uuid.uuid4()), mail="none"),
    ]
    for record in (*old, *others):
        ledger.insert(record)
    found = [each.request_id for each in listing.ended_before(NOW)]
    assert found == [each.request_id for each in old]
