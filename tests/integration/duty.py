"""The person on duty, and what looks after poison, on the parts of a stage."""

import io
import json
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from shared.checks import Check
from shared.memory import TableMemory
from shared.operate.__main__ import main
from shared.operate.tools import Tools
from shared.poison import PoisonRecord, put_poison, read_poison
from shared.poison_shelf import PoisonShelf
from shared.poison_watch import PoisonWatch
from shared.queues import CANCEL_REQUESTS, PENDING_CANCELLATIONS, QueuedMessage
from shared.record import Mail
from shared.redrive import Redrive
from tests.integration.hand_time import Kept
from tests.integration.parts import HandTimedQueue
from tests.integration.stage import PUBLISHER, REQUESTER, Stage


class Duty:
    """What a person does, and sees."""

    def __init__(self, stage: Stage) -> None:
        """Nothing is poisoned yet."""
        self.stage = stage
        self.shelf = PoisonShelf(
            {
                CANCEL_REQUESTS: stage.requests_poison.adapter,
                PENDING_CANCELLATIONS: stage.pending_poison.adapter,
            }
        )
        self.slept: list[float] = []
        self.asked: list[str] = []

    def redrive(self, **parts: Any) -> Redrive:
        """What puts messages back."""
        cast = self.stage.cast(**parts)
        return Redrive(
            ledger=cast.ledger,
            queues={CANCEL_REQUESTS: cast.requests, PENDING_CANCELLATIONS: cast.pending},
            policy=cast.policy,
            clock=self.stage.time,
        )

    def operate(
        self, *arguments: str, answer: str = "n", checks: Sequence[Check] = (), **parts: Any
    ) -> tuple[int, str]:
        """Run a command; its exit code and what it showed."""
        out = io.StringIO()

        def ask(question: str) -> str:
            self.asked.append(question)
            return answer

        tools = Tools(
            shelf=lambda: self.shelf,
            redrive=lambda: self.redrive(**parts),
            ledger=lambda: self.stage.ledger,
            checks=lambda publisher, offer, mail_to: checks,
            check_memory=lambda: TableMemory(self.stage.table),
            clock=self.stage.time,
            sleep=self.slept.append,
            ask=ask,
            out=out,
        )
        return main(arguments, tools), out.getvalue()

    def listed(self) -> list[dict[str, Any]]:
        """What ``list --json`` has."""
        _, text = self.operate("list", "--json")
        found: list[dict[str, Any]] = json.loads(text)
        return found

    def watch(self, queue_name: str = CANCEL_REQUESTS, **parts: Any) -> None:
        """Watch one poison queue once."""
        cast = self.stage.cast(**parts)
        is_requests = queue_name == CANCEL_REQUESTS
        PoisonWatch(
            queue_name=queue_name,
            poison=cast.requests_poison if is_requests else cast.pending_poison,
            pending=cast.pending,
            ledger=cast.ledger,
            clock=self.stage.time,
        ).run()

    def request_text(self, **members: Any) -> str:
        """A message of another service about the stage's offer."""
        message = {
            "publisherId": PUBLISHER,
            "offerId": self.stage.offer,
            "requestId": str(uuid.uuid4()),
            "metadata": {"notification-emails": REQUESTER},
            **members,
        }
        return json.dumps({name: value for name, value in message.items() if value is not None})

    def gave_up(self, text: str, queue: HandTimedQueue | None = None) -> None:
        """The Functions host gave up on a message: its raw copy, which expires."""
        poison = queue or self.stage.requests_poison
        if not poison.kept:
            poison.adapter.peek(1)  # creates the queue
        poison.client.send_message(text, time_to_live=7 * 24 * 3600)

    def poison_request(self, why: str = "nobody knows why", **members: Any) -> str:
        """A request whose message this app has poisoned; its id."""
        text = self.request_text(**members)
        request_id: str = json.loads(text)["requestId"]
        queue = self.stage.requests_poison.adapter
        put_poison(queue, self._as_received(text), why, request_id=request_id)
        return request_id

    def poison_pending(self, why: str = "it ended its worker 6 times") -> str:
        """The one pending cancellation is poisoned; its request's id."""
        stage = self.stage
        pending = stage.pending_now
        stage.time.advance(3600)
        [message] = stage.pending.adapter.receive(1, 60)
        queue = stage.pending_poison.adapter
        put_poison(queue, message, why, request_id=pending.request_id)
        stage.pending.adapter.delete(message)
        return pending.request_id

    def _as_received(self, text: str) -> QueuedMessage:
        return QueuedMessage(
            id=str(uuid.uuid4()),
            text=text,
            pop_receipt="",
            dequeue_count=5,
            inserted_at=self.stage.time() - timedelta(seconds=1),
        )


def records_on(queue: HandTimedQueue) -> list[PoisonRecord]:
    """What is on a poison queue, hidden or not."""
    return [read_poison(_message(kept)) for kept in queue.kept]


def mail_is_out(stage: Stage) -> None:
    for _ in range(3):
        stage.poll()
        stage.time.advance(16)


def told_and_poisoned(duty: Duty, **members: Any) -> str:
    """A poisoned request of which the requester was mailed; its id."""
    request_id = duty.poison_request(**members)
    duty.watch()
    mail_is_out(duty.stage)
    assert duty.stage.row(request_id).mail is Mail.SENT
    return request_id


def _message(kept: Kept) -> QueuedMessage:
    return QueuedMessage(
        id="", text=kept.text, pop_receipt="", dequeue_count=1, inserted_at=kept.inserted_at
    )
