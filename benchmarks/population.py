"""Cancellations that are pending: their messages and rows, made without the work of making them."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from azure.data.tables import TableClient
from azure.storage.queue import QueueClient
from msgspec.structs import replace

from devstack.partner_center import Simulator
from shared.ledger import TABLE, TableLedger
from shared.models import CancelRequest, to_json
from shared.partner_center.location import API_VERSION
from shared.queues import PENDING_CANCELLATIONS, StorageQueue
from shared.record import CancellationRecord, State, new_record, pending_message

PUBLISHER = "contoso"
EMAIL = "release-team@example.com"
_LATER_SECONDS = 6 * 3600
_WRITERS = 4


def slow_offer(center: Simulator, offer: str, delay_seconds: float) -> str:
    """An offer whose publish runs on however often it is canceled; returns the publish's id.

    Args:
        center: Partner Center.
        offer: The offer's id.
        delay_seconds: How late each of its answers is.
    """
    routes = ["list", "status", "operation", "cancel"]
    faults = [{"on": routes, "delay_seconds": delay_seconds}] if delay_seconds else []
    center.create_offer(
        PUBLISHER,
        offer,
        "cancels-after-202",
        cancel_seconds=24 * 3600.0,
        faults=faults,
        ends_after_seconds=24 * 3600.0,
    )
    return center.truth(PUBLISHER, offer)[0].id


def populate(
    connection_string: str, offers: dict[str, str], count: int, *, due: int | None = None
) -> None:
    """Make so many pending cancellations, as after their cancel calls.

    Args:
        connection_string: Of the storage.
        offers: The offers that they are spread over, each with the publish that is meant.
        count: How many.
        due: How many of them are to be polled now; all where None.
    """
    known = list(offers.items())
    with (
        TableClient.from_connection_string(connection_string, TABLE) as table,
        QueueClient.from_connection_string(connection_string, PENDING_CANCELLATIONS) as client,
        ThreadPoolExecutor(_WRITERS) as pool,
    ):
        ledger, queue = TableLedger(table), StorageQueue(client)

        def make(number: int) -> None:
            record = ledger.insert(pending_row(*known[number % len(known)]))
            message = replace(pending_message(record), followed_since=record.created_at)
            is_due = due is None or number < due
            queue.put(to_json(message), 0 if is_due else _LATER_SECONDS)

        list(pool.map(make, range(count)))


def accepted_row(offer: str) -> CancellationRecord:
    """The row of a request that waits to be submitted."""
    now = datetime.now(UTC)
    return new_record(
        CancelRequest(publisher_id=PUBLISHER, offer_id=offer, reason="wrong price in the plan"),
        request_id=str(uuid.uuid4()),
        requested_at=now,
        source="http",
        emails=(EMAIL,),
        dropped_emails=0,
        now=now,
    )


def pending_row(offer: str, operation_id: str) -> CancellationRecord:
    """The row of a request whose cancel call was taken."""
    record = accepted_row(offer)
    now = record.requested_at
    location = (
        f"/api/publishers/{PUBLISHER}/offers/{offer}/operations/{operation_id}"
        f"?api-version={API_VERSION}"
    )
    return replace(
        record,
        state=State.PENDING,
        pending_queued=True,
        target_operation_id=operation_id,
        location=location,
        post_sent_at=now,
        post_confirmed_at=now,
        last_state="running",
        last_state_at=now,
    )
