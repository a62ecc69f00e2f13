"""Requests that were kept for long enough are forgotten, by the whole app."""

import contextlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.data.tables import TableClient

from devstack.stack import Stack
from shared.idempotency import request_id_of
from shared.ledger import TABLE, TableLedger
from shared.models import CancelRequest, Outcome, OutcomeName
from shared.record import CancellationRecord, Mail, State
from tests.e2e.asking import PUBLISHER, path_of, send, with_emails
from tests.e2e.clean_logs import assert_clean, assert_nothing_crashed
from tests.e2e.seeing import eventually, rows
from tests.integration.rows import bare

pytestmark = pytest.mark.integration

DAYS = 30
OFFER = "contoso-vm"
KEY = {"Idempotency-Key": "release 1"}


def through(days: float, **fields: str) -> CancellationRecord:
    """A request as it is so many days after all was done for it."""
    then = datetime.now(UTC) - timedelta(days=days)
    return bare(
        publisher_id=PUBLISHER,
        created_at=then,
        last_step_at=then,
        state=State.ENDED,
        outcome=Outcome(name=OutcomeName.CANCELED, at=then),
        mail=Mail.SENT,
        **fields,
    )


def test_the_poller_removes_what_was_kept_for_long_enough_and_its_key_is_free_again(
    tmp_path: Path,
) -> None:
    settings = {"POLL_SCHEDULE": "* * * * * *", "LEDGER_RETENTION_DAYS": str(DAYS)}
    stack = Stack(tmp_path, settings=settings)
    stack.start(with_host=False)
    with contextlib.ExitStack() as running:
        running.callback(stack.stop)
        table = running.enter_context(
            TableClient.from_connection_string(
                stack.storage.connection_string, TABLE, use_env_settings=False
            )
        )
        ledger = TableLedger(table)
        kept = ledger.insert(through(DAYS - 1))
        request = CancelRequest(publisher_id=PUBLISHER, offer_id=OFFER)
        key_id = str(request_id_of(request, KEY["Idempotency-Key"]))
        ledger.insert(through(DAYS + 1, request_id=key_id, fingerprint="of another request"))
        stack.host.start()
        eventually(lambda: len(rows(stack)) == 1, "the old row is removed")
        assert rows(stack)[0]["requestId"] == kept.request_id
        assert len(list(table.query_entities("RowKey gt '~' and PartitionKey lt '~'"))) == 1
        where = f"/api/publishers/{PUBLISHER}/offers/{OFFER}/operations/{key_id}"
        assert send(stack, where, method="GET").status == 404
        accepted = send(stack, path_of(OFFER), with_emails(), KEY)
        assert (accepted.status, accepted.members["id"]) == (202, key_id)
        stack.host.stop()
    assert_clean(stack)
    assert_nothing_crashed(stack)
