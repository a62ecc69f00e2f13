"""Who asks over HTTP, or takes a request back: again, as clients do, until they are answered.

What they were answered is kept, for the oracle.
"""

import contextlib
from collections.abc import Callable
from typing import Protocol

from msgspec import json

from shared.acceptance import CancelCall
from shared.errors import OfferCancelError
from shared.http_answers import HttpAnswer, answer
from shared.request_status import StatusCall
from tests.simulation.world import Asked, TakingBack, Told, World

PUBLISHER = "contoso"
AGAIN_SECONDS = 10
MAX_TRIES = 8
ACCEPTED = 202
UNAVAILABLE = 503


class Host(Protocol):
    """Where a caller notes when to try again, and what it has its calls served by."""

    world: World

    def at(self, seconds: float, work: Callable[[], None]) -> None:
        """Let something happen at a time."""

    def invocation(self, name: str) -> contextlib.AbstractContextManager[Callable[[], None]]:
        """One invocation, which says at its end that its process lives."""


def call(host: Host, asked: Asked) -> None:
    """One POST; and another later, unless some POST for it was answered."""
    asked.tries += 1
    acceptance = host.world.app().acceptance
    told = _answered(host, "caller", lambda: acceptance.accept(_cancel_call(asked)))
    if told:
        asked.answers.append(told)
        if told.status == ACCEPTED:
            asked.accepted_id = asked.accepted_id or told.request_id
    if not asked.answers and asked.tries < MAX_TRIES:
        host.at(host.world.time.seconds + AGAIN_SECONDS, lambda: call(host, asked))


def withdraw(host: Host, taking: TakingBack) -> None:
    """One DELETE, once the id is known; and another later, unless it was answered."""
    asked = taking.asked
    if asked.accepted_id:
        taking.tries += 1
        taking.since = min(taking.since, host.world.time.seconds)
        withdrawal = host.world.app().withdrawal
        told = _answered(host, "taker", lambda: withdrawal.withdraw(_status_call(asked)))
        if told:
            taking.answers.append(told)
    will_be_known = asked.accepted_id or (asked.tries < MAX_TRIES and not asked.is_refused)
    if will_be_known and not taking.answers and taking.tries < MAX_TRIES:
        host.at(host.world.time.seconds + AGAIN_SECONDS, lambda: withdraw(host, taking))


def _answered(host: Host, name: str, serve: Callable[[], HttpAnswer]) -> Told | None:
    """What a caller was told; None if the answer did not come, or only says to ask again."""
    told: Told | None = None
    boundaries = host.world.boundaries
    with host.invocation(name) as app_lives:
        found = answer(serve)
        boundaries.meet(
            f"{name}.answer",
            lambda: None,
            seconds=0.1,
            error=lambda: OfferCancelError("lost"),
            note=str(found.status_code),
        )
        if found.status_code != UNAVAILABLE and boundaries.last:
            request_id = str(found.members.get("id", ""))
            actor = boundaries.actor.number
            told = Told(found.status_code, boundaries.last.number, actor, request_id)
        app_lives()
    return told


def _cancel_call(asked: Asked) -> CancelCall:
    metadata = {"notification-emails": asked.email}
    key = {"idempotency-key": asked.key} if asked.key else {}
    return CancelCall(
        publisher_id=PUBLISHER,
        offer_id=asked.offer,
        api_version=None,
        headers={"content-type": "application/json", **key},
        body=json.encode({"metadata": metadata, "operationId": asked.operation_id}),
    )


def _status_call(asked: Asked) -> StatusCall:
    return StatusCall(
        publisher_id=PUBLISHER,
        offer_id=asked.offer,
        request_id=asked.accepted_id,
        api_version=None,
    )
