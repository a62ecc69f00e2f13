"""Deliveries as the senders make them, of the payloads beside this file."""

import base64
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook

HERE = Path(__file__).parent
# GitHub's documentation and the test vector of Standard Webhooks have these two.
GITHUB_SECRET = "It's a Secret to Everybody"
STANDARD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEXT_GITHUB_SECRET = "the-next-secret"
NEXT_STANDARD_SECRET = "whsec_" + base64.b64encode(b"the next secret, 24 bytes").decode()
GITLAB_TOKEN = "a-token-for-gitlab"
AZURE_DEVOPS_PASSWORD = "release-hook:pass:word"
SECRETS = json.dumps(
    {
        "github": [NEXT_GITHUB_SECRET, GITHUB_SECRET],
        "gitlab": [GITLAB_TOKEN],
        "azure-devops": [AZURE_DEVOPS_PASSWORD],
        "standard": [NEXT_STANDARD_SECRET, STANDARD_SECRET],
    }
)
SIGNATURES: dict[str, dict[str, str]] = json.loads((HERE / "signatures.json").read_text())
ALL = sorted(str(path.relative_to(HERE)) for path in HERE.glob("*/*.json"))
_JSON = {"content-type": "application/json"}


@dataclass(frozen=True)
class Delivery:
    """What one sender sends: names of headers in lower case."""

    sender: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def having(self, **headers: str | None) -> "Delivery":
        """Another one, with headers that differ; ``_`` is ``-``, None takes one away."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        changed = {**self.headers, **named}
        return replace(self, headers={k: v for k, v in changed.items() if v is not None})


def delivery(name: str) -> Delivery:
    """The delivery of a payload, such as ``github/release.deleted.json``, with a key of its own."""
    sender, body = name.partition("/")[0], (HERE / name).read_bytes()
    headers = {
        "github": _github_headers,
        "gitlab": _gitlab_headers,
        "azure-devops": _azure_devops_headers,
        "standard": _standard_headers,
    }[sender](name, body)
    return Delivery(sender, {**_JSON, **headers}, body)


def _github_headers(name: str, body: bytes) -> dict[str, str]:
    del body
    return {
        "user-agent": "GitHub-Hookshot/0123456",
        "x-github-delivery": str(uuid.uuid4()),
        "x-github-event": Path(name).name.partition(".")[0],
        "x-github-hook-id": "421337001",
        **SIGNATURES[name],
    }


def _gitlab_headers(name: str, body: bytes) -> dict[str, str]:
    kind: str = members(body)["object_kind"]
    return {
        "user-agent": "GitLab/18.6.0",
        "idempotency-key": str(uuid.uuid4()),
        "x-gitlab-event": f"{kind.replace('_', ' ').title()} Hook",
        "x-gitlab-event-uuid": str(uuid.uuid4()),
        "x-gitlab-token": GITLAB_TOKEN,
    }


def _azure_devops_headers(name: str, body: bytes) -> dict[str, str]:
    del name, body
    return {
        "content-type": "application/json; charset=utf-8",
        "authorization": basic(AZURE_DEVOPS_PASSWORD),
    }


def _standard_headers(name: str, body: bytes) -> dict[str, str]:
    del name
    return signed_now(body, datetime.now(UTC))


def signed_now(body: bytes, at: datetime, secret: str = STANDARD_SECRET) -> dict[str, str]:
    """The headers of Standard Webhooks, as its own library makes them."""
    key = f"msg_{uuid.uuid4().hex}"
    return {
        "webhook-id": key,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(key, at, body.decode()),
    }


def basic(credentials: str) -> str:
    """The header of basic authentication."""
    return "Basic " + base64.b64encode(credentials.encode()).decode()


def members(body: bytes) -> dict[str, Any]:
    """The JSON object in a body."""
    found: dict[str, Any] = json.loads(body)
    return found
