"""The simulated world in one place: storage, Partner Center, mail, and the app on top of them."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from shared.partner_center.client import CloudPartnerPortal
from shared.partner_center.credentials import StaticTokens
from shared.queues import QueuedMessage
from shared.record import CancellationRecord
from shared.settings import PolicySettings
from tests.simulation.app import POLICY, App, Mistakes, Parts
from tests.simulation.boundaries import Boundaries, GuardedLedger, GuardedQueue, Script
from tests.simulation.clock import SimulatedTime
from tests.simulation.mail_server import SimulatedMailServer
from tests.simulation.portal import ORIGIN, TOKEN, SimulatedPortal
from tests.simulation.storage import SimulatedLedger, SimulatedQueue
from tests.simulation.turns import Inline, Pick, StepExecutor, Turns

CONFLICT = 409

type Tampering = Callable[[Parts], Parts]


@dataclass
class Asked:
    """A cancellation that somebody asked for.

    Attributes:
        accepted_id: The id of the first 202, or of the message on the queue; empty until then.
        key: Its ``Idempotency-Key``; empty for none.
        answers: The answers that came, but those that only say to ask again.
    """

    offer: str
    at: float
    email: str
    operation_id: str | None = None
    accepted_id: str = ""
    tries: int = 0
    key: str = ""
    answers: list["Told"] = field(default_factory=list)

    @property
    def is_refused(self) -> bool:
        """Whether the key was known to belong to another request."""
        return any(told.status == CONFLICT for told in self.answers)


@dataclass
class TakingBack:
    """Somebody's wish to withdraw what they have asked for.

    Attributes:
        since: When the first DELETE was sent; never, as long as nobody knows the request's id.
        answers: The answers that came, but those that only say to ask again.
    """

    asked: Asked
    since: float = math.inf
    tries: int = 0
    answers: list["Told"] = field(default_factory=list)


@dataclass(frozen=True)
class Told:
    """An answer that came: by which effect, to which invocation, and for which request."""

    status: int
    effect: int
    actor: int
    request_id: str


class World:
    """Everything that outlives the app."""

    def __init__(
        self,
        script: Script | None = None,
        *,
        policy: PolicySettings = POLICY,
        tampering: Tampering | None = None,
        pick: Pick | None = None,
    ) -> None:
        """Start at the beginning of time.

        Args:
            script: What goes wrong at which effect.
            policy: How patient the app is.
            tampering: Breaks the app on purpose.
            pick: Says which step of a run of the poller goes on; None lets each go on to its end.
        """
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
        self.taken_back: list[TakingBack] = []
        self.malformed: list[str] = []
        self.mistakes = Mistakes()
        self._pick = pick
        self._ids = random.Random(1)  # noqa: S311 - the same each time
        self._tampering = tampering or (lambda parts: parts)

    def app(self, steps: StepExecutor | None = None) -> App:
        """The app after a cold start."""
        parts = self._tampering(self.parts())
        return App(parts, self.time, self.policy, self.mistakes, steps, self._new_id)

    def _new_id(self) -> UUID:
        return UUID(int=self._ids.getrandbits(128), version=4)

    def steps(self) -> StepExecutor:
        """What carries out the steps of the invocation that is at work."""
        return Turns(self.boundaries, self._pick) if self._pick else Inline()

    def end_leases(self) -> None:
        """Every message that somebody has received can be received again."""
        for queue in (self.requests, self.pending, self.requests_poison, self.pending_poison):
            queue.end_leases()

    def put_malformed(self, queue: SimulatedQueue, text: str) -> None:
        """Another service puts on a queue what can never be processed."""
        queue.put(text)
        self.malformed.append(text)

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
    def poisoned(self) -> list[str]:
        """Every message on a poison queue, as it stands there."""
        stored = (*self.requests_poison.stored, *self.pending_poison.stored)
        return [each.text for each in stored]

    def put_poison(self, message: QueuedMessage) -> None:
        """What the host does with a message that it gives up on."""
        self.guarded(self.requests_poison, "poison").put(message.text)
