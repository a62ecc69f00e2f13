"""A received message: what the runtime is told of it, and the receipt that proves the lease."""

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import uuid4

from azure.storage.queue import QueueMessage

from devstack.host.host_json import MessageEncoding
from devstack.host.protos import TypedData

_DEFAULT_TIME_TO_LIVE = timedelta(days=7)


class UndecodableMessageError(Exception):
    """The text is not in the encoding that host.json declares; it counts as a failure."""


class LeasedMessage:
    """A message that is invisible to others for as long as its pop receipt holds."""

    def __init__(self, message: QueueMessage) -> None:
        """Take over what the service returned."""
        self.id = message.id
        self.text = cast("str", message.content)
        self.pop_receipt = cast("str", message.pop_receipt)
        self.dequeue_count = cast("int", message.dequeue_count)
        self._times = {
            "InsertionTime": message.inserted_on,
            "ExpirationTime": message.expires_on,
            "NextVisibleTime": message.next_visible_on,
        }

    def trigger_metadata(self) -> Mapping[str, TypedData]:
        """Return the metadata that ``azure.functions.QueueMessage`` is built from."""
        return {
            "Id": TypedData(string=self.id),
            "PopReceipt": TypedData(string=self.pop_receipt),
            "DequeueCount": TypedData(json=str(self.dequeue_count)),
            **{name: _json_time(time) for name, time in self._times.items() if time is not None},
        }


def manual_trigger_metadata() -> Mapping[str, TypedData]:
    """Return the metadata of a message that never was on a queue."""
    now = datetime.now(UTC)
    return {
        "Id": TypedData(string=str(uuid4())),
        "PopReceipt": TypedData(string=""),
        "DequeueCount": TypedData(json="1"),
        "InsertionTime": _json_time(now),
        "ExpirationTime": _json_time(now + _DEFAULT_TIME_TO_LIVE),
        "NextVisibleTime": _json_time(now),
    }


def decoded_text(text: str, encoding: MessageEncoding) -> str:
    """Return the text for the function; raises UndecodableMessageError."""
    if encoding == "none":
        return text
    try:
        return base64.b64decode(text, validate=True).decode(errors="replace")
    except (binascii.Error, ValueError) as error:
        raise UndecodableMessageError(f"the message is not Base64: {error}") from error


def _json_time(time: datetime) -> TypedData:
    return TypedData(json=json.dumps(time.isoformat()))
