"""Partner Center as a state machine where HTTP would begin: the transport of the real client.

What is true, and what reads say of it, is the simulator's of ``devstack``; here is only what its
web server does, without one. Every call is kept with what it truly did, for the oracle.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime

from requests.structures import CaseInsensitiveDict

from devstack.partner_center import views
from devstack.partner_center.faults import Fault, Route
from devstack.partner_center.offers import Offer
from devstack.partner_center.scenarios import scenario
from shared.errors import TransientError
from shared.partner_center.transport import MAX_BODY_BYTES, Answer
from tests.simulation.boundaries import Boundaries
from tests.simulation.clock import PartnerCenterClock, SimulatedTime

ORIGIN = "https://partner-center.example"
TOKEN = "the-token"
EXCHANGE_SECONDS = 0.2

_OFFER_PATH = re.compile(
    r"/api/publishers/(?P<publisher>[^/?]+)/offers/(?P<offer>[^/?]+)/"
    r"(?P<rest>submissions|status|cancel|operations/(?P<operation>[^/?]+))"
    r"\?api-version=2017-10-31"
)
_SLOT_PATH = re.compile(
    r"/api/operations/(?P<publisher>[^$/?]+)\$(?P<offer>[^$/?]+)\$\d+\$\w+"
    r"\?api-version=2017-10-31"
)


@dataclass(frozen=True)
class Reply:
    """An answer before any fault."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CancelPost:
    """A cancel call that arrived, and what it truly did.

    Attributes:
        hit: The publish that it began to cancel, or found being canceled; None for none.
        status: What it was answered, whether or not the answer came through; 0 for none.
    """

    at: float
    actor: int
    request_id: str
    offer: str
    hit: str | None
    status: int


@dataclass(frozen=True)
class Shown:
    """A read of the list, and the publishes that it showed."""

    at: float
    actor: int
    offer: str
    operations: frozenset[str]


class SimulatedPortal:
    """Implements ``Exchange`` for ``CloudPartnerPortal``.

    Attributes:
        sent: The effect and the request of each cancel call, whether or not it was carried out.
    """

    def __init__(self, time: SimulatedTime, boundaries: Boundaries) -> None:
        self.offers: dict[str, Offer] = {}
        self.posts: list[CancelPost] = []
        self.sent: list[tuple[int, str]] = []
        self.shown: list[Shown] = []
        self.strays: list[str] = []
        self.struck: list[Fault] = []
        self.is_down = False
        self._time = time
        self._boundaries = boundaries

    def create_offer(self, name: str, scenario_name: str, **knobs: object) -> Offer:
        """An offer of the one publisher, in a scenario of the simulator."""
        clock = PartnerCenterClock(self._time)
        self.offers[name] = Offer("contoso", name, scenario(scenario_name, knobs), clock)
        return self.offers[name]

    def send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None,
        deadline_seconds: float,
    ) -> Answer:
        """One exchange."""
        return self._boundaries.meet(
            f"center.{method}",
            lambda: self._exchange(method, path, headers, deadline_seconds),
            seconds=EXCHANGE_SECONDS,
            error=lambda: TransientError("Partner Center's answer broke off"),
            note=path.partition("?")[0].rpartition("/")[2][:12],
        )

    def _exchange(
        self, method: str, path: str, headers: Mapping[str, str], deadline_seconds: float
    ) -> Answer:
        if method == "POST" and self._boundaries.last:
            self.sent.append((self._boundaries.last.number, self._boundaries.actor.request_id))
        if any(TOKEN in value for name, value in headers.items() if name != "Authorization"):
            self.strays.append(f"{path} with a token where none belongs")
        found = _OFFER_PATH.fullmatch(path) or _SLOT_PATH.fullmatch(path)
        offer = self.offers.get(found["offer"]) if found else None
        if found is None or offer is None or found["publisher"] != "contoso":
            self.strays.append(path)
            return self._answer(_envelope(404, "NotFound", "Nothing is here."), timedelta())
        if headers["Authorization"] != f"Bearer {TOKEN}":
            return self._answer(_envelope(401, "Unauthorized", "No."), timedelta())
        if self.is_down:
            return self._answer(Reply(503, b"<html>down</html>"), timedelta())
        rest = found.groupdict().get("rest") or "slot"
        operation = found.groupdict().get("operation") or ""
        route = _route(method, rest)
        if_match = headers.get("If-Match", "")
        fault = offer.faults.strike(route, if_match=if_match, now=offer.clock.now())
        if fault is not None:
            self.struck.append(fault)
        return self._struck(offer, route, fault, deadline_seconds, rest, operation)

    def _struck(
        self,
        offer: Offer,
        route: Route,
        fault: Fault | None,
        deadline_seconds: float,
        rest: str,
        operation: str,
    ) -> Answer:
        offset = timedelta(seconds=offer.scenario.clock_offset_seconds)
        will_answer = fault is None or fault.status is None
        reply = None
        if fault is None or fault.lets_through:
            reply = self._carried_out(offer, route, rest, operation, fault)
        if fault is None or reply is None:
            return self._answer(reply or _refusal(fault), offset)
        self._time.advance(fault.delay_seconds)
        is_too_long = fault.pad_bytes > MAX_BODY_BYTES or fault.drip_every_seconds
        if fault.drop or is_too_long or fault.delay_seconds > deadline_seconds:
            raise TransientError("Partner Center's answer broke off")
        return self._answer(reply if will_answer else _refusal(fault), offset)

    def _carried_out(
        self, offer: Offer, route: Route, rest: str, operation: str, fault: Fault | None
    ) -> Reply:
        if route == "cancel":
            return self._cancel(offer, fault)
        if route == "list":
            return self._list(offer)
        if route == "status":
            return _json(views.offer_status(offer))
        publishes = offer.publishes()
        newest = publishes[-1] if publishes else None
        shown = newest if rest == "slot" else offer.find(operation)
        if shown is None:
            return _envelope(404, "NotFound", "The operation does not exist.")
        return _json(views.single_operation(offer, shown))

    def _list(self, offer: Offer) -> Reply:
        listed = views.operation_list(offer)
        ids = frozenset(str(item["id"]) for item in listed)
        actor = self._boundaries.actor.number
        self.shown.append(Shown(self._time.seconds, actor, offer.name, ids))
        return _json(listed)

    def _cancel(self, offer: Offer, fault: Fault | None) -> Reply:
        knobs = offer.scenario
        cancellation = offer.cancel()
        publishes = offer.publishes()
        target = cancellation.target if cancellation else publishes[-1] if publishes else None
        answered = knobs.cancel_status if fault is None or not fault.drop else 0
        self._note_post(offer, cancellation.target.id if cancellation else None, answered)
        if target is None or not knobs.location:
            return Reply(knobs.cancel_status)
        location = knobs.location.format(
            base=ORIGIN,
            publisher=offer.publisher,
            offer=offer.name,
            operation=target.id,
            cancel_operation=cancellation.id if cancellation else target.id,
        )
        if knobs.location_in == "body":
            return Reply(knobs.cancel_status, json.dumps({"location": location}).encode())
        return Reply(knobs.cancel_status, headers={knobs.location_in: location})

    def _note_post(self, offer: Offer, hit: str | None, status: int) -> None:
        actor = self._boundaries.actor
        self.posts.append(
            CancelPost(self._time.seconds, actor.number, actor.request_id, offer.name, hit, status)
        )

    def _answer(self, reply: Reply, offset: timedelta) -> Answer:
        now = self._time()
        date = {"Date": format_datetime(now + offset, usegmt=True)}
        headers: Mapping[str, str] = CaseInsensitiveDict({**date, **reply.headers})
        return Answer(reply.status, headers, reply.body, now)


def _route(method: str, rest: str) -> Route:
    names: dict[str, Route] = {"submissions": "list", "status": "status"}
    return "cancel" if method == "POST" else names.get(rest, "operation")


def _refusal(fault: Fault | None) -> Reply:
    """What a fault answers in place of the true answer."""
    if fault is None or fault.status is None:
        raise TransientError("Partner Center's answer broke off")
    headers = dict(fault.headers)
    if fault.retry_after_seconds is not None:
        headers["Retry-After"] = str(fault.retry_after_seconds)
    if fault.body is not None:
        return Reply(fault.status, fault.body.encode(), headers)
    refused = _envelope(fault.status, fault.code, fault.message)
    return Reply(refused.status, refused.body, headers)


def _envelope(status: int, code: str, message: str) -> Reply:
    return Reply(status, json.dumps({"error": {"code": code, "message": message}}).encode())


def _json(value: object) -> Reply:
    return Reply(200, json.dumps(value).encode())
