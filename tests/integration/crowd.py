"""Many requests at once, each for an offer of its own, on the parts of one stage."""

import time
import uuid
from collections.abc import Callable
from typing import Any

from devstack.mailbox import ReceivedMail
from shared.record import CancellationRecord
from tests.integration.stage import PUBLISHER, REQUESTER, Stage

DEADLINE_SECONDS = 60.0  # only ends a test that has failed
_LOOK_SECONDS = 0.02


def eventually(condition: Callable[[], bool]) -> None:
    """Wait for what other threads bring about."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "this did not come true in time"
        time.sleep(_LOOK_SECONDS)


class Crowd:
    """Requests of one stage that have nothing to do with each other."""

    def __init__(self, stage: Stage) -> None:
        """Nobody has asked yet."""
        self._stage = stage
        self._offers: dict[str, str] = {}

    @property
    def request_ids(self) -> list[str]:
        """Of every request, the first asked first."""
        return list(self._offers)

    def ask(
        self, scenario: str = "cancels-after-202", emails: str = REQUESTER, **knobs: Any
    ) -> str:
        """A request for a new offer in that scenario; its id."""
        offer = f"offer-{uuid.uuid4().hex[:12]}"
        self._stage.simulator.create_offer(PUBLISHER, offer, scenario, **knobs)
        request_id = self._stage.ask(offerId=offer, metadata={"notification-emails": emails})
        self._offers[request_id] = offer
        return request_id

    def ask_many(self, count: int, scenario: str = "cancels-at-once", **given: Any) -> list[str]:
        """So many requests, submitted; by default each is canceled by the call itself."""
        request_ids = [self.ask(scenario, **given) for _ in range(count)]
        self._stage.submit_all()
        return request_ids

    def offer_of(self, request_id: str) -> str:
        """The offer that the request is for."""
        return self._offers[request_id]

    def row(self, request_id: str) -> CancellationRecord:
        """The request's row."""
        row = self._stage.ledger.get(PUBLISHER, self._offers[request_id], request_id)
        assert row is not None
        return row

    def outcome(self, request_id: str) -> str:
        """How the request ended, as its row has it; empty while it is open."""
        outcome = self.row(request_id).outcome
        return outcome.name.value if outcome else ""

    def calls(self, request_id: str) -> int:
        """How often Partner Center was called about the request's offer."""
        return len(self._stage.simulator.calls(PUBLISHER, self._offers[request_id]))

    def mails(self, request_id: str) -> list[ReceivedMail]:
        """Every mail about the request."""
        mails = self._stage.mailbox.mails()
        return [mail for mail in mails if mail.message["X-Offer-Cancel-Request"] == request_id]

    def are_mailed_once(self, request_ids: list[str] | None = None) -> bool:
        """Whether each of these requests, or of all, has exactly one mail."""
        return all(len(self.mails(each)) == 1 for each in request_ids or self.request_ids)
