"""A queue with an app that works on it, and what became of its messages."""

from pathlib import Path
from typing import Any
from uuid import uuid4

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient

from devstack.azurite import Azurite
from tests.devstack.host.sample_apps import (
    STORAGE_SETTING,
    queue_trigger,
    write_app,
    write_function,
)

QUICK = {"messageEncoding": "none", "maxPollingInterval": "00:00:00.2"}

# Says what it was given, fails for "fail…", and waits for the test's leave for "hold…".
WORK = """
def main(msg: func.QueueMessage) -> None:
    text = msg.get_body().decode()
    event(
        event="begun", text=text, id=msg.id, delivery=msg.dequeue_count, at=time.monotonic(),
        inserted=str(msg.insertion_time), expires=str(msg.expiration_time),
        next=str(msg.time_next_visible), receipt=msg.pop_receipt,
    )
    if text.startswith("fail"):
        raise ValueError("as asked")
    if text.startswith("hold"):
        wait_for(pathlib.Path(__file__).parent / text)
    event(event="ended", text=text)
"""


class Jobs:
    """A queue with its poison queue, and an app that works on it."""

    def __init__(self, azurite: Azurite, folder: Path) -> None:
        self.name = f"jobs-{uuid4()}"
        self.settings = {STORAGE_SETTING: azurite.connection_string}
        self.queue = QueueClient.from_connection_string(azurite.connection_string, self.name)
        self.poison = QueueClient.from_connection_string(
            azurite.connection_string, f"{self.name}-poison"
        )
        self._folder = folder

    def app(self, *, queue_name: str | None = None, **queues: object) -> Path:
        app = write_app(self._folder / "app", queues={**QUICK, **queues})
        write_function(app, "Work", queue_trigger(queue_name or self.name), code=WORK)
        return app

    def let_go(self, text: str) -> None:
        (self._folder / "app/Work" / text).touch()

    def is_empty(self) -> bool:
        return self.queue.get_queue_properties().approximate_message_count == 0

    def poisoned(self) -> list[Any]:
        try:
            return list(self.poison.peek_messages(32))
        except ResourceNotFoundError:
            return []
