"""A queue that only keeps what is put on it."""

from shared.queues import QueuedMessage
from tests.shared.builders import REQUESTED


class KeptTexts:
    """Implements the queue's protocol but nothing is ever received from it."""

    def __init__(self, trouble: Exception | None = None) -> None:
        """Keep texts, or raise this on every one."""
        self.texts: list[str] = []
        self._trouble = trouble

    def put(self, text: str, delay_seconds: float = 0) -> None:
        """Keep the text."""
        if self._trouble is not None:
            raise self._trouble
        self.texts.append(text)

    def receive(self, most: int, lease_seconds: float) -> list[QueuedMessage]:
        """Nothing."""
        return []

    def peek(self, most: int) -> list[str]:
        """What was put there first."""
        return self.texts[:most]

    def update(self, message: QueuedMessage, text: str, delay_seconds: float) -> QueuedMessage:
        """Never called: nothing is received."""
        raise NotImplementedError

    def delete(self, message: QueuedMessage) -> None:
        """Never called: nothing is received."""
        raise NotImplementedError


def message(text: str, *, dequeue_count: int = 1) -> QueuedMessage:
    """A received message."""
    return QueuedMessage(
        id="7c9e6679-7425-40de-944b-e07fc1f90ae7",
        text=text,
        pop_receipt="receipt",
        dequeue_count=dequeue_count,
        inserted_at=REQUESTED,
    )
