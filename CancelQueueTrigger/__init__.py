"""Performs the cancel requests that are on the queue ``cancel-requests``."""

from datetime import UTC, datetime

import azure.functions as func

from shared import wiring
from shared.errors import ConfigurationError
from shared.putting_back import put_back
from shared.queues import QueuedMessage
from shared.telemetry import settings_unusable


def main(msg: func.QueueMessage) -> None:
    """Carry one message as far as it goes now; raises only when storage cannot be written."""
    message = QueuedMessage(
        id=msg.id or "",
        text=msg.get_body().decode("utf-8", "replace"),
        pop_receipt="",  # the host's: the message is its to delete
        dequeue_count=msg.dequeue_count or 1,
        inserted_at=msg.insertion_time or datetime.now(UTC),
    )
    try:
        wiring.submission().handle(message)
    except ConfigurationError as error:
        settings_unusable(error)
        put_back(wiring.cancel_requests(), message)
