"""A deployment's storage with what the pages are made of."""

import socket
import uuid
from contextlib import closing
from typing import Any

from azure.data.tables import TableClient
from azure.storage.queue import QueueClient
from msgspec.structs import replace

from devstack.azurite import ACCOUNT_KEY, ACCOUNT_NAME
from shared.callers import ANYBODY
from shared.ledger import TableLedger
from shared.list_query import ListCall
from shared.listing import Listing
from shared.models import CancelRequest, to_json
from shared.page.serving import DutyPage, PageAnswer, page_answer
from shared.poison import PoisonRecord
from shared.poison_shelf import PoisonShelf
from shared.queues import CANCEL_REQUESTS, PENDING_CANCELLATIONS, StorageQueue
from shared.record import CancellationRecord
from shared.settings import PolicySettings
from tests.integration.parts import fresh_name
from tests.page.builders import NOW, Read, ago


class Deployment:
    """Storage of its own with the parts that the pages are made of."""

    def __init__(self, connection_string: str) -> None:
        options: dict[str, Any] = {"retry_total": 0}
        self.table = TableClient.from_connection_string(connection_string, fresh_name(), **options)
        self.queues = {
            name: QueueClient.from_connection_string(connection_string, fresh_name(), **options)
            for name in (CANCEL_REQUESTS, PENDING_CANCELLATIONS)
        }
        self.ledger = TableLedger(self.table)
        shelf = PoisonShelf({name: StorageQueue(client) for name, client in self.queues.items()})
        self.parts: dict[str, Any] = {
            "listing": Listing(self.table),
            "ledger": self.ledger,
            "shelf": shelf,
            "callers": ANYBODY,
            "policy": PolicySettings(),
        }

    def add(self, record: CancellationRecord) -> CancellationRecord:
        return self.ledger.insert(replace(record, request_id=str(uuid.uuid4())))

    def poison(self, publisher: str, offer: str, **members: Any) -> None:
        """A record that nobody has noticed yet, whose message can be read."""
        message = CancelRequest(publisher_id=publisher, offer_id=offer)
        self.shelve(message=to_json(message), **members)

    def shelve(self, **members: Any) -> None:
        values = {"version": 1, "reason": "broken", "inserted_at": ago(5), "dequeue_count": 5}
        record = PoisonRecord(**{**values, **members})
        StorageQueue(self.queues[CANCEL_REQUESTS]).put(to_json(record))

    def answer(
        self, query: dict[str, str] | None = None, headers: Any = None, **parts: Any
    ) -> PageAnswer:
        page = DutyPage(**{**self.parts, **parts})
        call = ListCall(query=query or {}, headers=headers or {})
        return page_answer(call, lambda: page, lambda: NOW)

    def text(self, query: dict[str, str] | None = None, headers: Any = None, **parts: Any) -> str:
        answered = self.answer(query, headers, **parts)
        assert answered.status_code == 200, answered.page
        return Read(answered.page).text


def dead_end() -> str:
    """A connection string for where nobody listens."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/{ACCOUNT_NAME}"
    endpoints = f"QueueEndpoint={url};TableEndpoint={url}"
    return f"AccountName={ACCOUNT_NAME};AccountKey={ACCOUNT_KEY};{endpoints}"
