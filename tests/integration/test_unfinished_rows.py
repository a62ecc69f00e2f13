"""Which rows are not through yet; each kind of ledger comes in by the fixture ``ledger``."""

from collections.abc import Iterator

import pytest
from azure.data.tables import TableClient

from devstack.azurite import Azurite
from shared.ledger import Ledger, TableLedger
from shared.models import Outcome, OutcomeName
from shared.record import Mail
from tests.integration.parts import fresh_name
from tests.integration.rows import NOW, bare
from tests.simulation.storage import SimulatedLedger

pytestmark = pytest.mark.integration

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


def test_rows_are_unfinished_until_they_have_an_outcome_and_its_mail_is_out(
    ledger: Ledger,
) -> None:
    open_row = ledger.insert(bare())
    unmailed = [ledger.insert(bare(outcome=ENDED, mail=m)) for m in (Mail.NONE, Mail.SENDING)]
    for done in (Mail.SENT, Mail.NOBODY, Mail.FAILED):
        ledger.insert(bare(outcome=ENDED, mail=done))
    wanted = {row.request_id for row in (open_row, *unmailed)}
    assert {row.request_id for row in ledger.unfinished_records()} == wanted


def test_where_there_is_no_table_nothing_is_unfinished(ledger: Ledger) -> None:
    assert list(ledger.unfinished_records()) == []
