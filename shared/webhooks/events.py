"""What happened, and which delivery says so: the little that is read of what a sender sent.

Read only of deliveries that were verified. What is missing, or of another type than documented,
counts as not there: it makes an event less specific, never another one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from shared.models import from_json
from shared.webhooks.secrets import Sender

PING = "ping"
_NO_SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
# Where Azure DevOps has the state of what an event is about; "" is the resource itself.
_STATEFUL = ("", "run", "stage", "environment")

type Headers = Mapping[str, str]


@dataclass(frozen=True)
class WebhookEvent:
    """One event, as a sender tells of it.

    Attributes:
        names: What it may be called, in lower case, from ``release`` to ``release.deleted``.
        key: What stays the same when the delivery is sent again; None if the sender says nothing.
        is_test: Whether it tells of nothing that has happened.
    """

    names: tuple[str, ...]
    key: str | None
    is_test: bool = False

    @property
    def name(self) -> str:
        """Its most specific name; empty if the sender names no event."""
        return self.names[-1] if self.names else ""


def read_event(sender: Sender, headers: Headers, body: bytes) -> WebhookEvent:
    """The event that a verified delivery tells of.

    Args:
        sender: Who sent it.
        headers: Names in lower case.
        body: JSON.

    Raises:
        InvalidRequestError: The body is not a JSON object.
    """
    return _READ[sender](headers, from_json(body, dict[str, Any]))


def _of_github(headers: Headers, payload: Mapping[str, Any]) -> WebhookEvent:
    event = headers.get("x-github-event", "")
    names = _names(event, _text(payload, "action"), _text(payload, event, "conclusion"))
    return WebhookEvent(
        names, headers.get("x-github-delivery") or None, is_test=event.lower() == PING
    )


def _of_gitlab(headers: Headers, payload: Mapping[str, Any]) -> WebhookEvent:
    action = (
        _text(payload, "object_attributes", "action")
        or _text(payload, "object_attributes", "status")
        or _text(payload, "action")  # releases
        or _text(payload, "status")  # deployments
        or _text(payload, "build_status")  # jobs
    )
    # The UUID is shared by the events that a webhook's own doing causes; the key is not.
    key = headers.get("idempotency-key") or headers.get("x-gitlab-event-uuid") or None
    return WebhookEvent(_names(_text(payload, "object_kind"), action), key)


def _of_azure_devops(headers: Headers, payload: Mapping[str, Any]) -> WebhookEvent:
    del headers
    resource = payload.get("resource")
    states = (
        _text(resource, *filter(None, (part, word)))
        for word in ("result", "status", "state")
        for part in _STATEFUL
    )
    names = _names(_text(payload, "eventType"), next(filter(None, states), ""))
    subscription, notification = _text(payload, "subscriptionId"), payload.get("notificationId")
    key = f"{subscription}/{notification}" if subscription and type(notification) is int else None
    return WebhookEvent(names, key, is_test=subscription == _NO_SUBSCRIPTION)


def _of_standard(headers: Headers, payload: Mapping[str, Any]) -> WebhookEvent:
    event = _text(payload, "type")
    names = _names(*event.split("."))
    return WebhookEvent(names, headers.get("webhook-id"), is_test=event.lower() == PING)


def _names(*parts: str) -> tuple[str, ...]:
    """``a``, ``a.b``, ``a.b.c``, up to the first part that is missing."""
    there = parts[: parts.index("")] if "" in parts else parts
    return tuple(accumulate((part.lower() for part in there), "{}.{}".format))


def _text(value: Any, *path: str) -> str:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


_READ: Mapping[Sender, Callable[[Headers, Mapping[str, Any]], WebhookEvent]] = {
    Sender.GITHUB: _of_github,
    Sender.GITLAB: _of_gitlab,
    Sender.AZURE_DEVOPS: _of_azure_devops,
    Sender.STANDARD: _of_standard,
}
