"""The requests that ``make run`` submits, each to an offer with a fate of its own."""

import base64
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from azure.storage.queue import QueueClient

from devstack.errors import StackError
from devstack.stack import Stack

PUBLISHER = "contoso"
QUEUE = "cancel-requests"
EMAILS = "ana@example.com,release-team@example.com"
_ANSWER_SECONDS = 30.0


@dataclass(frozen=True)
class Fate:
    """An offer and what Partner Center does when its publish is canceled.

    Attributes:
        offer: The offer's id.
        scenario: Its scenario in the simulator, with ``knobs`` set otherwise.
        story: What happens, in a few words.
        is_queued: Whether the request is put on the queue, as another service would, and not
            sent by HTTP.
        asked_seconds_ago: How long ago the other service says that it was asked.
    """

    offer: str
    scenario: str
    story: str
    knobs: Mapping[str, Any] = field(default_factory=dict)
    is_queued: bool = False
    asked_seconds_ago: float = 0.0


FATES = (
    Fate("vm-in-time", "cancels-after-202", "202, and canceled in time"),
    Fate("vm-at-once", "cancels-at-once", "200, canceled at once"),
    Fate("saas-not-migrated", "not-migrated", "an offer not migrated: its Location has a $"),
    Fate("vm-too-late", "completes-first", "202, but the publish completes first"),
    Fate("app-idle", "idle-but-202", "no publish runs, though 202 would be answered"),
    Fate("app-refused", "refused-400", "Partner Center refuses to cancel"),
    Fate("vm-answer-lost", "answer-lost-then-404", "canceled, but the answer is lost on its way"),
    Fate(
        "saas-replaced",
        "cancels-after-202",
        "by queue, in Base64, asked a minute ago: by now a newer publish runs",
        knobs={"past": "succeeded", "past_ended_seconds_ago": 40, "started_seconds_ago": 30},
        is_queued=True,
        asked_seconds_ago=60,
    ),
)


@dataclass(frozen=True)
class Submitted:
    """A request that was taken.

    Attributes:
        request_id: Its id.
        fate: What it was sent to.
        requested_at: When it was asked for.
        submitted_at: When it was handed over.
    """

    request_id: str
    fate: Fate
    requested_at: datetime
    submitted_at: datetime


def submit(stack: Stack, fate: Fate) -> Submitted:
    """Bring the offer to life and ask for its cancellation.

    Raises:
        StackError: The app did not take the request; with its answer.
    """
    stack.partner_center.create_offer(PUBLISHER, fate.offer, fate.scenario, **fate.knobs)
    now = datetime.now(UTC)
    requested_at = now - timedelta(seconds=fate.asked_seconds_ago)
    send = _enqueue if fate.is_queued else _post
    return Submitted(send(stack, fate, requested_at), fate, requested_at, now)


def _post(stack: Stack, fate: Fate, _requested_at: datetime) -> str:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(
            f"{stack.url}/api/publishers/{PUBLISHER}/offers/{fate.offer}/cancel",
            params={"api-version": "2017-10-31"},
            json={"metadata": {"notification-emails": EMAILS}, "reason": fate.story},
            timeout=_ANSWER_SECONDS,
        )
    if answer.status_code != requests.codes.accepted:
        raise StackError(
            f"The request for {PUBLISHER}/{fate.offer} was answered {answer.status_code}, "
            f"not 202: {answer.text}"
        )
    return str(answer.json()["id"])


def _enqueue(stack: Stack, fate: Fate, requested_at: datetime) -> str:
    request_id = str(uuid.uuid4())
    message = {
        "publisherId": PUBLISHER,
        "offerId": fate.offer,
        "metadata": {"notification-emails": EMAILS},
        "reason": fate.story,
        "requestId": request_id,
        "requestedAt": requested_at.isoformat(),
    }
    text = base64.b64encode(json.dumps(message).encode()).decode()
    queue = QueueClient.from_connection_string(
        stack.storage.connection_string, QUEUE, use_env_settings=False
    )
    with queue:
        queue.send_message(text)
    return request_id
