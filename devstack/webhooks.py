"""Webhooks as GitHub sends them: one event, signed over its bytes, with an id of its delivery."""

import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

EVENT = "release.deleted"
SECRET = "simulated-webhook-secret"  # noqa: S105 - opens nothing but this machine's stack
SETTINGS: Mapping[str, str] = {"WEBHOOK_SECRETS": json.dumps({"github": [SECRET]})}
"""The app settings by which the app knows the sender."""


@dataclass(frozen=True)
class Delivery:
    """One delivery; sent again it is the same, id and signature among the rest.

    Attributes:
        path: Path and query of the URL that GitHub was given.
    """

    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def delivery(publisher: str, offer: str, **members: str) -> Delivery:
    """A release was deleted, which this offer's webhook lists as a reason to cancel.

    Args:
        publisher: The publisher's id.
        offer: The offer's id.
        members: What else the URL asks for, ``_`` for ``-``; what is empty is left out.
    """
    event, _, action = EVENT.partition(".")
    body = json.dumps({"action": action, "release": {"tag_name": "v2.4.0"}}).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    asked = {name.replace("_", "-"): value for name, value in members.items() if value}
    query = urlencode({"on": EVENT, **asked}, quote_via=quote)
    path = f"/api/webhooks/github/publishers/{publisher}/offers/{offer}/cancel"
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/0123456",
        "X-GitHub-Delivery": str(uuid.uuid4()),
        "X-GitHub-Event": event,
        "X-Hub-Signature-256": f"sha256={signature}",
    }
    return Delivery(f"{path}?{query}", headers, body)
