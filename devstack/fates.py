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

from devstack import webhooks
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
        deliveries: How often a webhook asks for it, always the same delivery; 0 for no webhook.
        asked_seconds_ago: How long ago the other service says that it was asked.
    """

    offer: str
    scenario: str
    story: str
    knobs: Mapping[str, Any] = field(default_factory=dict)
    is_queued: bool = False
    deliveries: int = 0
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
    Fate(
        "vm-by-webhook",
        "cancels-after-202",
        "by a signed GitHub webhook, delivered twice: both times this id, and one cancellation",
        deliveries=2,
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
    if fate.deliveries:
        request_id = _deliver(stack, fate)
    else:
        request_id = _enqueue(stack, fate, requested_at) if fate.is_queued else _post(stack, fate)
    return Submitted(request_id, fate, requested_at, now)


def _post(stack: Stack, fate: Fate) -> str:
    path = f"/api/publishers/{PUBLISHER}/offers/{fate.offer}/cancel?api-version=2017-10-31"
    body = {"metadata": {"notification-emails": EMAILS}, "reason": fate.story}
    return _accepted(stack, fate, path, json.dumps(body), {"Content-Type": "application/json"})


def _deliver(stack: Stack, fate: Fate) -> str:
    sent = webhooks.delivery(PUBLISHER, fate.offer, notification_emails=EMAILS, reason=fate.story)
    told = {
        _accepted(stack, fate, sent.path, sent.body, sent.headers) for _ in range(fate.deliveries)
    }
    if len(told) != 1:
        raise StackError(f"One delivery for {PUBLISHER}/{fate.offer} was answered with {told}")
    return told.pop()


def _accepted(
    stack: Stack, fate: Fate, path: str, body: str | bytes, headers: Mapping[str, str]
) -> str:
    """The id that a request is accepted under."""
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(stack.url + path, body, headers=headers, timeout=_ANSWER_SECONDS)
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
