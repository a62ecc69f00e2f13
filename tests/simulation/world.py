"""The simulated world in one place: storage, Partner Center, mail, and the app on top of them."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from msgspec import json

from shared.partner_center.client import CloudPartnerPortal
from shared.partner_center.credentials import StaticTokens
from shared.queues import QueuedMessage
from shared.record import CancellationRecord
from shared.settings import PolicySettings
from tests.simulation.app import POLICY, App, Parts
from tests.simulation.boundaries import Boundaries, GuardedLedger, GuardedQueue, Script
from tests.simulation.clock import SimulatedTime
from tests.simulation.mail_server import SimulatedMailServer
from tests.simulation.portal import ORIGIN, TOKEN, SimulatedPortal
from tests.simulation.storage import SimulatedLedger, SimulatedQueue

type Tampering = Callable[[Parts], Parts]


@dataclass
class Asked:
    """A cancellation that somebody asked for.

    Attributes:
        accepted_id: The id of the 202, or of the message on the queue; empty until there is one.
    """

    offer: str
    at: float
    email: str
    operation_id: str | None = None
    accepted_id: str = ""
    tries: int = 0


class World:
    """Everything that outlives the app."""

    def __init__(
        self,
        script: Script | None = None,
        *,
        policy: PolicySettings = POLICY,
        tampering: Tampering | None = None,
    ) -> None:
        """Start at the beginning of time; ``tampering`` breaks the app on purpose."""
        random.seed(1)  # the app's jitter
        self.time = SimulatedTime()
        self.policy = policy
        self.boundaries = Boundaries(self.time, dict(script or {}))
        self.portal = SimulatedPortal(self.time, self.boundaries)
        self.mail = SimulatedMailServer(self.boundaries)
        self.ledger = SimulatedLedger()
        self.requests = SimulatedQueue("cancel-requests", self.time)
        self.pending = SimulatedQueue("pending-cancellations", self.time)
        self.requests_poison = SimulatedQueue("cancel-requests-poison", self.time)
        self.pending_poison = SimulatedQueue("pending-cancellations-poison", self.time)
        self.asked: list[Asked] = []
        self._tampering = tampering or (lambda parts: parts)

    def app(self) -> App:
        """The app after a cold start."""
        return App(self._tampering(self.parts()), self.time, self.policy)

    def parts(self) -> Parts:
        """What the app works with, each part behind the boundaries."""
        center = CloudPartnerPortal(
            ORIGIN, StaticTokens(TOKEN), clock=self.time, transport=self.portal
        )
        return Parts(
            ledger=GuardedLedger(self.ledger, self.boundaries),
            requests=self.guarded(self.requests, "requests"),
            pending=self.guarded(self.pending, "pending"),
            requests_poison=self.guarded(self.requests_poison, "poison"),
            pending_poison=self.guarded(self.pending_poison, "poison"),
            center=center,
            sender=self.mail,
        )

    def guarded(self, queue: SimulatedQueue, name: str) -> GuardedQueue:
        """A queue behind the boundaries."""
        return GuardedQueue(name, queue, self.boundaries)

    @property
    def rows(self) -> list[CancellationRecord]:
        """Every request's row."""
        return list(self.ledger.rows.values())

    @property
    def poisoned(self) -> list[Mapping[str, object]]:
        """Every message on a poison queue."""
        stored = (*self.requests_poison.stored, *self.pending_poison.stored)
        return [json.decode(each.text, type=dict[str, object]) for each in stored]

    def put_poison(self, message: QueuedMessage) -> None:
        """What the host does with a message that it gives up on."""
        self.guarded(self.requests_poison, "poison").put(message.text)
