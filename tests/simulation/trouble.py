"""Partner Center in trouble for hours of the simulated clock: down, throttling, refusing tokens."""

import itertools
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from shared.errors import TransientError
from shared.partner_center.client import CloudPartnerPortal
from shared.partner_center.credentials import EntraTokens
from shared.partner_center.transport import Answer
from shared.record import CancellationRecord
from shared.settings import PolicySettings
from tests.simulation.app import Parts
from tests.simulation.clock import SimulatedTime
from tests.simulation.host import Host
from tests.simulation.portal import ORIGIN, TOKEN, SimulatedPortal
from tests.simulation.runs import OFFER
from tests.simulation.world import World

HOUR = 3600.0
DAY = 24 * HOUR
LONGEST_PUBLISH = 4 * DAY

type Strike = Callable[[str, str], Answer | None]
"""What a call (method, path) meets instead of Partner Center; None lets it through."""


@dataclass
class TroubledPortal:
    """Partner Center behind something that answers in its place for a while.

    Attributes:
        begins: Whether the trouble has begun.
        calls: When each call was made, whatever became of it.
    """

    portal: SimulatedPortal
    time: SimulatedTime
    strike: Strike
    begins: Callable[[], bool]
    ends_at: float
    calls: list[float] = field(default_factory=list)

    @property
    def is_on(self) -> bool:
        """Whether calls meet it now."""
        return self.begins() and self.time.seconds < self.ends_at

    def send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None,
        deadline_seconds: float,
    ) -> Answer:
        """One exchange."""
        self.calls.append(self.time.seconds)
        struck = self.strike(method, path) if self.is_on else None
        known = {**headers, "Authorization": f"Bearer {TOKEN}"}
        return struck or self.portal.send(method, path, known, body, deadline_seconds)

    @property
    def most_calls_in_a_day(self) -> int:
        """The most calls in any 24 hours."""
        days = (sum(one <= other < one + DAY for other in self.calls) for one in self.calls)
        return max(days, default=0)


@dataclass
class Credential:
    """Gives each credential object a token of its own, as Entra does, or none."""

    is_known: Callable[[], bool]
    token: str

    def get_token(self, scope: str) -> AccessToken:
        """The token, or what Entra says of an expired secret."""
        if not self.is_known():
            raise ClientAuthenticationError("AADSTS7000222: the secret has expired")
        return AccessToken(self.token, 0)


def _answers(status: int) -> Strike:
    return lambda method, path: Answer(status, {}, b"", SimulatedTime()())


def _cancel_call_answers(status: int) -> Strike:
    always = _answers(status)
    return lambda method, path: always(method, path) if method == "POST" else None


def _list_answers(status: int) -> Strike:
    always = _answers(status)
    return lambda method, path: always(method, path) if "submissions" in path else None


def _half_of_all_calls_answer(status: int) -> Strike:
    always, dice = _answers(status), random.Random(2)  # noqa: S311 - the same each time
    return lambda method, path: always(method, path) if dice.random() < 0.5 else None


def _is_silent(method: str, path: str) -> Answer | None:
    raise TransientError("Partner Center did not answer in time")


def _nothing(method: str, path: str) -> Answer | None:
    return None


TROUBLES: dict[str, Callable[[], Strike]] = {
    "silent": lambda: _is_silent,
    "down": lambda: _answers(503),
    "throttles": lambda: _answers(429),
    "throttles the cancel call": lambda: _cancel_call_answers(429),
    "throttles half of the calls": lambda: _half_of_all_calls_answer(429),
    "list is down": lambda: _list_answers(500),
    "refuses the token": lambda: _answers(401),
    "refuses the token of the cancel call": lambda: _cancel_call_answers(401),
    "gives no token": lambda: _nothing,
}


@dataclass(frozen=True)
class Trial:
    """One request that has come to rest."""

    world: World
    troubled: TroubledPortal

    @property
    def row(self) -> CancellationRecord:
        """The request's row."""
        [row] = self.world.rows
        return row

    @property
    def told(self) -> list[tuple[str, float]]:
        """What was mailed, and how many seconds after the request."""
        asked = self.world.time.since_start(self.row.requested_at)
        return [(mail.outcome, mail.at - asked) for mail in self.world.mail.accepted]


def trial(
    trouble: str,
    hours: float,
    *,
    scenario: str = "cancels-after-202",
    named: bool = False,
    after_the_call: bool = False,
) -> Trial:
    """One request, and trouble from its first moment, or from its cancel call on."""

    def tampering(parts: Parts) -> Parts:
        center = CloudPartnerPortal(ORIGIN, tokens, clock=world.time, transport=troubled)
        return replace(parts, center=center)

    def credential() -> Credential:
        gives_none = trouble == "gives no token"
        return Credential(lambda: not (gives_none and troubled.is_on), f"token {next(number)}")

    number = itertools.count(1)
    world = World(policy=PolicySettings(), tampering=tampering)
    troubled = TroubledPortal(
        world.portal,
        world.time,
        TROUBLES[trouble](),
        begins=lambda: bool(world.portal.posts) or not after_the_call,
        ends_at=hours * HOUR,
    )
    tokens = EntraTokens(credential, "a scope", lambda: world.time.seconds)
    host = Host(world)
    offer = world.portal.create_offer(OFFER, scenario, ends_after_seconds=LONGEST_PUBLISH)
    running = offer.running()
    host.ask(OFFER, at=1.0, operation_id=running.id if named and running else None)
    host.run()
    return Trial(world, troubled)
