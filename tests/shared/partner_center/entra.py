"""Microsoft Entra and the managed identity endpoints, as a transport of azure-core."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

import requests
from azure.core.pipeline.transport import HttpRequest, HttpTransport, RequestsTransportResponse

AUTHORITY = "https://login.microsoftonline.com"
METADATA = "169.254.169.254"


@dataclass(frozen=True)
class Reply:
    """What Entra answers to a request for a token."""

    body: Mapping[str, Any]
    status: int = 200


@dataclass
class Entra(HttpTransport[HttpRequest, Any]):
    """Answers token requests and keeps them; every token has a number.

    Attributes:
        trouble: What to answer to a token request instead, or to raise.
        tokens: The form of each token request.
        identity: Each request to an endpoint of the managed identity.
        hosts: Every host that was asked for anything.
    """

    trouble: Reply | Exception | None = None
    tokens: list[dict[str, Any]] = field(default_factory=list)
    identity: list[HttpRequest] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def send(self, request: HttpRequest, **_: Any) -> Any:
        """Answer one request."""
        found = self._reply(request)
        raw = requests.Response()
        raw.status_code = found.status
        raw.headers["Content-Type"] = "application/json"
        raw._content = json.dumps(found.body).encode()
        return RequestsTransportResponse(request, raw)

    def _reply(self, request: HttpRequest) -> Reply:
        url = urlsplit(request.url)
        self.hosts.add(url.hostname or "")
        if url.hostname != urlsplit(AUTHORITY).hostname:
            self.identity.append(request)
            token = {"access_token": "assertion", "token_type": "Bearer", "resource": "r"}
            return Reply({**token, "expires_in": "3600", "expires_on": "4102444800"})
        if request.method == "GET" and url.path.startswith("/common/"):
            return Reply({"tenant_discovery_endpoint": AUTHORITY, "metadata": []})
        if request.method == "GET":
            tenant = f"{AUTHORITY}/{url.path.split('/')[1]}"
            return Reply(
                {
                    "authorization_endpoint": f"{tenant}/oauth2/v2.0/authorize",
                    "token_endpoint": f"{tenant}/oauth2/v2.0/token",
                    "issuer": f"{tenant}/v2.0",
                }
            )
        assert isinstance(request.body, dict)
        self.tokens.append(request.body)
        if isinstance(self.trouble, Exception):
            raise self.trouble
        number = len(self.tokens)
        return self.trouble or Reply(
            {"token_type": "Bearer", "expires_in": 3600, "access_token": f"token {number}"}
        )

    def open(self) -> None:
        """Nothing to open."""

    def close(self) -> None:
        """Nothing to close."""

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to close."""
