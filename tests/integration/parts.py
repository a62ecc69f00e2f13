"""The parts of the app that a test can put something else in the place of."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.ledger import Ledger
from shared.outcome_mail import Mailer
from shared.partner_center.protocol import PartnerCenter
from shared.queues import Queue, StorageQueue
from shared.settings import PolicySettings
from tests.integration.hand_time import HandTime, HandTimedQueueClient, Kept

POLICY = PolicySettings(poll_concurrency=4)


def fresh_name() -> str:
    """A name for a queue or a table that nothing else uses."""
    return f"t{uuid.uuid4().hex}"


class HandTimedQueue:
    """One queue of the app: the adapter under test on a client that counts the clock's time."""

    def __init__(self, connection_string: str, time: HandTime) -> None:
        """Use a queue of its own; it is created when it is first missed."""
        self.client = HandTimedQueueClient.at(connection_string, fresh_name(), time)
        self.adapter = StorageQueue(self.client)

    @property
    def kept(self) -> list[Kept]:
        """What is on the queue, hidden or not."""
        return self.client.messages

    @property
    def only(self) -> Kept:
        """The one message on the queue."""
        [kept] = self.kept
        return kept

    @property
    def members(self) -> list[dict[str, Any]]:
        """The messages' JSON."""
        return [json.loads(kept.text) for kept in self.kept]


@dataclass(kw_only=True)
class Cast:
    """Who plays along; a test puts a wrapper that fails, or other settings, in a part's place."""

    ledger: Ledger
    requests: Queue
    pending: Queue
    requests_poison: Queue
    pending_poison: Queue
    partner_center: Callable[[], PartnerCenter]
    mailer: Callable[[], Mailer]
    policy: PolicySettings = POLICY
    on_our_clock: Callable[[datetime], datetime] = lambda when: when


def policy(**changes: Any) -> PolicySettings:
    """The policy, some of its settings set otherwise."""
    return PolicySettings(**{**vars(POLICY), **changes})
