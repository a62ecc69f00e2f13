"""The business queues, as another service sees them: impatient, since storage is down so often."""

from typing import Any

from azure.storage.queue import QueueClient

from devstack.stack import Stack
from shared.queues import CANCEL_REQUESTS, PENDING_CANCELLATIONS

QUEUES = (CANCEL_REQUESTS, PENDING_CANCELLATIONS)
_IMPATIENT: dict[str, Any] = {"retry_total": 0, "connection_timeout": 2, "read_timeout": 10}


def queue_of(stack: Stack, name: str) -> QueueClient:
    """A client of a queue; it tries everything once."""
    return QueueClient.from_connection_string(
        stack.storage.connection_string, name, use_env_settings=False, **_IMPATIENT
    )


def messages_left(stack: Stack) -> dict[str, int]:
    """How many messages each queue has, the hidden ones among them.

    Raises:
        AzureError: Storage is down.
    """
    left = {}
    for name in QUEUES:
        with queue_of(stack, name) as queue:
            left[name] = int(queue.get_queue_properties().approximate_message_count or 0)
    return left
