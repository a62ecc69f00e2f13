"""Every publisher and offer that the simulator knows, behind one lock."""

from collections.abc import Mapping
from threading import RLock

from devstack.partner_center.clock import Clock
from devstack.partner_center.faults import Fault, FaultLine, Route
from devstack.partner_center.offers import Offer
from devstack.partner_center.scenarios import scenario


class UnknownOfferError(LookupError):
    """The simulator has no such offer: create it first."""


class World:
    """Publishers and offers. Whoever touches an offer holds `lock`."""

    def __init__(self, clock: Clock, publishers: tuple[str, ...] = ()) -> None:
        """Starts without offers; the publishers given are known from the start."""
        self.clock = clock
        self.lock = RLock()
        self._publishers = {name.lower() for name in publishers}
        self._offers: dict[tuple[str, str], Offer] = {}
        self.troubles = FaultLine(())

    def create_offer(
        self, publisher: str, name: str, scenario_name: str, knobs: Mapping[str, object]
    ) -> Offer:
        """Makes an offer, in place of one of that name, and makes its publisher known.

        Raises:
            ScenarioError: No such scenario or knob, or knobs that contradict each other.
        """
        offer = Offer(publisher, name, scenario(scenario_name, knobs), self.clock)
        with self.lock:
            self._publishers.add(publisher.lower())
            self._offers[publisher.lower(), name] = offer
        return offer

    def strike(self, offer: Offer, route: Route, if_match: str) -> Fault | None:
        """Counts a call and returns the fault that it meets: the offer's own, or everybody's."""
        now = self.clock.now()
        own = offer.faults.strike(route, if_match=if_match, now=now)
        common = self.troubles.strike(route, if_match=if_match, now=now)
        return own or common

    def knows(self, publisher: str) -> bool:
        """Whether the caller has access to that publisher, in any case of letters."""
        with self.lock:
            return publisher.lower() in self._publishers

    def offer(self, publisher: str, name: str) -> Offer:
        """The offer of that name.

        Raises:
            UnknownOfferError: There is none.
        """
        with self.lock:
            found = self._offers.get((publisher.lower(), name))
        if found is None:
            raise UnknownOfferError(f"no offer {name!r} of publisher {publisher!r}")
        return found
