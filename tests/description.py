"""The description of the HTTP API, as the code is held to it."""

import copy
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

import schemathesis
from requests import PreparedRequest
from requests.auth import AuthBase
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from devstack.processes import ROOT
from tests.payloads.deliveries import (
    AZURE_DEVOPS_PASSWORD,
    GITHUB_SECRET,
    GITLAB_TOKEN,
    basic,
    signed_now,
)

DESCRIPTION = schemathesis.openapi.from_path(ROOT / "docs/openapi.yaml")
# Keys are Azure's to ask for: the local host takes requests without. Webhooks are signed last.
DESCRIPTION.config.generation.update(with_security_parameters=False)
# As it stands in the file: Schemathesis puts in place what its own refers to.
WRITTEN: dict[str, Any] = copy.deepcopy(DESCRIPTION.raw_schema)
CONFORMANCE = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
CHECKS = [not_a_server_error, *CONFORMANCE]


class AsTheSender(AuthBase):
    """Proves a delivery as the sender that its path names would, over the bytes that go out."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add the proof; requests that are no webhooks stay as they are."""
        _, *segments = request.path_url.split("/")
        if segments[:2] == ["api", "webhooks"]:
            body = request.body or b""
            content = body.encode() if isinstance(body, str) else bytes(body)
            request.headers.update(proof_of(segments[2].lower(), content))
        return request


def proof_of(sender: str, body: bytes) -> dict[str, str]:
    """The headers by which a sender proves a body; none for who is no sender."""
    match sender:
        case "github":
            digest = hmac.new(GITHUB_SECRET.encode(), body, hashlib.sha256).hexdigest()
            return {"X-Hub-Signature-256": f"sha256={digest}"}
        case "gitlab":
            return {"X-Gitlab-Token": GITLAB_TOKEN}
        case "azure-devops":
            return {"Authorization": basic(AZURE_DEVOPS_PASSWORD)}
        case "standard":
            text = body.decode(
                "utf-8", "replace"
            ).encode()  # of other bytes nobody makes a signature
            return signed_now(text, datetime.now(UTC))
        case _:
            return {}


def name_of(case: schemathesis.Case[Any]) -> str:
    """The ``operationId`` of what a case calls."""
    return str(case.operation.definition.raw["operationId"])
