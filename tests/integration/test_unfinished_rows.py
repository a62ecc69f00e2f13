"""Which rows are not through yet; each kind of ledger comes in by the fixture ``ledger``."""

import uuid
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from azure.core.pipeline.transport import RequestsTransport
from azure.data.tables import TableClient
from msgspec.structs import replace

from devstack.azurite import Azurite
from shared.ledger import Ledger, TableLedger
from shared.models import Outcome, OutcomeName
from shared.record import CancellationRecord, Mail
from tests.integration.parts import fresh_name
from tests.integration.rows import NOW, bare, full
from tests.simulation.storage import SimulatedLedger

pytestmark = pytest.mark.integration

_PATIENCE_SECONDS = 60.0  # with an emulator that shares this machine with everything else

ENDED = Outcome(name=OutcomeName.CANCELED, at=NOW)


@pytest.fixture(params=["storage", "simulated"])
def ledger(request: pytest.FixtureRequest) -> Iterator[Ledger]:
    if request.param == "simulated":
        yield SimulatedLedger()
        return
    azurite: Azurite = request.getfixturevalue("azurite")
    connection_string = azurite.connection_string
    with TableClient.from_connection_string(
        connection_string, fresh_name(), retry_total=0
    ) as client:
        yield TableLedger(client)


def ids(records: Iterable[CancellationRecord]) -> set[str]:
    return {record.request_id for record in records}


def test_rows_are_unfinished_until_they_have_an_outcome_and_its_mail_is_out(
    ledger: Ledger,
) -> None:
    open_row = ledger.insert(bare())
    unmailed = [ledger.insert(bare(outcome=ENDED, mail=m)) for m in (Mail.NONE, Mail.SENDING)]
    for done in (Mail.SENT, Mail.NOBODY, Mail.FAILED):
        ledger.insert(bare(outcome=ENDED, mail=done))
    wanted = {row.request_id for row in (open_row, *unmailed)}
    assert {row.request_id for row in ledger.unfinished_records()} == wanted


def test_open_rows_are_those_without_an_outcome(ledger: Ledger) -> None:
    first, second = ledger.insert(bare()), ledger.insert(bare(publisher_id="fabrikam"))
    ledger.insert(full())
    assert ids(ledger.open_records()) == {first.request_id, second.request_id}
    ledger.replace(replace(first, outcome=Outcome(name=OutcomeName.CANCELED, at=NOW)))
    assert list(ledger.open_records()) == [second]


def test_open_rows_of_an_offer_are_of_that_offer_alone(ledger: Ledger) -> None:
    wanted = {
        ledger.insert(bare(publisher_id=publisher)).request_id
        for publisher in ("contoso", "Contoso", "CONTOSO")
    }
    for offer in ("contoso-v", "contoso-vm-", "contoso-vm0", "contoso-vm_", "contoso-vmz", "c"):
        ledger.insert(bare(offer_id=offer))
    ledger.insert(bare(publisher_id="contos"))
    ledger.insert(bare(outcome=Outcome(name=OutcomeName.CANCELED, at=NOW)))
    assert ids(ledger.open_records("cOntoso", "contoso-vm")) == wanted


def test_a_row_is_read_with_the_other_open_ones_of_its_offer(ledger: Ledger) -> None:
    mine = ledger.insert(bare())
    beside = ledger.insert(bare(publisher_id="CONTOSO"))
    ledger.insert(bare(offer_id="contoso-vm-2"))
    ended = ledger.insert(bare(outcome=Outcome(name=OutcomeName.CANCELED, at=NOW)))
    found, others = ledger.get_with_open_ones("contosO", "contoso-vm", mine.request_id.upper())
    assert (found, others) == (mine, [beside])
    found, others = ledger.get_with_open_ones("contoso", "contoso-vm", ended.request_id)
    assert (found, ids(others)) == (ended, {mine.request_id, beside.request_id})
    found, others = ledger.get_with_open_ones("contoso", "contoso-vm", str(uuid.uuid4()))
    assert (found, ids(others)) == (None, {mine.request_id, beside.request_id})


class Timed(RequestsTransport):  # type: ignore[misc]
    """Notes how long each request may take to be answered, in seconds."""

    def __init__(self) -> None:
        super().__init__(read_timeout=2)
        self.read_seconds: list[float] = []

    def send(self, request: Any, **options: Any) -> Any:
        self.read_seconds.append(options.get("read_timeout", self.connection_config.read_timeout))
        return super().send(request, **{**options, "read_timeout": _PATIENCE_SECONDS})


def test_the_service_may_take_its_time_to_look_through_a_whole_table(azurite: Azurite) -> None:
    transport = Timed()
    with TableClient.from_connection_string(
        azurite.connection_string, fresh_name(), retry_total=0, transport=transport
    ) as client:
        ledger = TableLedger(client)
        row = ledger.insert(bare())
        transport.read_seconds.clear()
        assert list(ledger.unfinished_records()) == [row]
        ledger.get(row.publisher_id, row.offer_id, row.request_id)
    assert transport.read_seconds == [10, 2]


def test_where_there_is_no_table_nothing_is_unfinished(ledger: Ledger) -> None:
    assert list(ledger.unfinished_records()) == []
