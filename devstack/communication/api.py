"""The REST API, version 2025-09-01: ``emails:send``, and the state of what was sent.

By Microsoft's description of the API (azure-rest-api-specs, CommunicationServicesEmail.json), its
pages on limits, on headers and on repeated requests. Invented: most error codes and all messages.
"""

import hmac
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import count
from threading import Lock
from uuid import UUID

from msgspec import DecodeError
from msgspec.json import decode
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devstack.communication.messages import Message
from devstack.communication.rules import AcsTrouble, Throttle
from devstack.mailbox.folder import MailFolder
from devstack.partner_center.answers import NoAnswer

API_VERSIONS = frozenset({"2023-03-31", "2025-09-01"})
SCOPE = "https://communication.azure.com/"
MAX_RECIPIENTS = 50
MAX_BYTES = 10 * 1024 * 1024
_POLL_AFTER = "20"


@dataclass(frozen=True)
class AcsCall:
    """A call to the API itself, let in or not.

    Attributes:
        operation_id: Of what is to be sent, as it was given; or of what was asked about.
    """

    method: str
    operation_id: str
    body: bytes = b""


class Api:
    """One resource: its linked domains, its quota, and what it was given to send."""

    def __init__(self, folder: MailFolder, domains: frozenset[str], throttle: Throttle) -> None:
        """Keep what is sent in a folder."""
        self._folder = folder
        self._domains = domains
        self._throttle = throttle
        self._lock = Lock()
        self._sent: dict[str, bytes] = {}
        self._message_ids: set[str] = set()
        self.calls: list[AcsCall] = []
        self.trouble: AcsTrouble | None = None
        self.tokens: set[str] = set()
        self._numbers = count(1)
        self.has_identity = True
        self.refused_addresses: set[str] = set()

    def routes(self) -> list[Route]:
        """The routes of the API, and of the identity that a function app has beside it."""
        return [
            Route("/emails:send", self._send, methods=["POST"]),
            Route("/emails/operations/{operation}", self._state, methods=["GET"]),
            Route("/msi/token", self._token, methods=["GET"]),
        ]

    async def _send(self, request: Request) -> Response:
        body = await request.body()
        with self._lock:
            self.calls.append(AcsCall("POST", request.headers.get("operation-id", ""), body))
            return self._refusal(request) or self._met(request, body)

    async def _state(self, request: Request) -> Response:
        operation = request.path_params["operation"].lower()
        with self._lock:
            self.calls.append(AcsCall("GET", operation))
            if refusal := self._refusal(request):
                return refusal
            if operation not in self._sent:
                return _error(404, "NotFound", "Requested message could not be located.")
            return JSONResponse({"id": operation, "status": "Succeeded"})

    async def _token(self, request: Request) -> Response:
        """As App Service answers a managed identity; ``resource`` is the scope without its end."""
        asked = request.query_params
        if "x-identity-header" not in request.headers or asked.get("resource") != SCOPE:
            return JSONResponse({"statusCode": 400, "message": "no such resource"}, 400)
        if not self.has_identity:
            return JSONResponse({"statusCode": 500, "message": "no identity"}, 500)
        token = f"token-{next(self._numbers)}-{asked.get('client_id', 'system')}"
        self.tokens.add(token)
        lasts = {"expires_in": "86400", "expires_on": "4102444800", "resource": SCOPE}
        return JSONResponse({"access_token": token, "token_type": "Bearer", **lasts})

    def _refusal(self, request: Request) -> Response | None:
        """Why the caller is not let in, if so."""
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not any(hmac.compare_digest(given.encode(), each.encode()) for each in self.tokens):
            return _error(401, "Denied", "Denied by the resource provider.")
        if request.query_params.get("api-version") not in API_VERSIONS:
            return _error(400, "UnsupportedApiVersion", "The api-version is not supported.")
        return None

    def _met(self, request: Request, body: bytes) -> Response:
        trouble = self.trouble
        if trouble is None:
            return self._answer(request, body)
        if trouble.first is not None:
            self.trouble = replace(trouble, first=trouble.first - 1) if trouble.first > 1 else None
        if trouble.carried_out:
            self._answer(request, body)
        if trouble.drop:
            return NoAnswer()
        status, headers = trouble.status or 500, {"Retry-After": trouble.retry_after}
        if trouble.body is not None:
            return Response(trouble.body, status, headers if trouble.retry_after else None)
        return _error(status, trouble.code, trouble.message, trouble.retry_after)

    def _answer(self, request: Request, body: bytes) -> Response:
        seconds = self._throttle.ask()
        if seconds is not None:
            return _error(429, "TooManyRequests", f"Try again after {seconds} s.", str(seconds))
        try:
            operation = str(UUID(request.headers.get("operation-id", "")))
            message = decode(body, type=Message)
        except (ValueError, DecodeError) as error:
            return _error(400, "BadRequest", str(error))
        if problem := self._problem(message, body):
            return problem
        digest = sha256(body).digest()
        if operation not in self._sent:
            self._sent[operation] = digest
            self._deliver(message)
        if self._sent[operation] != digest:
            return _error(400, "BadRequest", "The operation id belongs to another request.")
        where = f"{request.base_url}emails/operations/{operation}?{request.url.query}"
        headers = {"Operation-Location": where, "Retry-After": _POLL_AFTER}
        return JSONResponse({"id": operation, "status": "Running"}, 202, headers)

    def _problem(self, message: Message, body: bytes) -> Response | None:
        if len(body) > MAX_BYTES:
            return _error(413, "PayloadTooLarge", "Email payload must be less than 10 MB.")
        if message.sender_address.rpartition("@")[2].lower() not in self._domains:
            return _error(404, "DomainNotLinked", "The sender domain has not been linked.")
        recipients = message.recipients.all()
        if not 1 <= len(recipients) <= MAX_RECIPIENTS:
            return _error(400, "BadRequest", f"There are {len(recipients)} recipients.")
        if self.refused_addresses.intersection(recipients):
            return _error(400, "InvalidEmailAddress", "Invalid format for email address")
        return None

    def _deliver(self, message: Message) -> None:
        mail = message.as_mail(self._message_ids)
        self._message_ids.add(str(mail["Message-ID"]))
        recipients = tuple(message.recipients.all())
        self._folder.keep(message.sender_address, recipients, mail.as_bytes())


def _error(status: int, code: str, message: str, retry_after: str = "") -> Response:
    headers = {"x-ms-error-code": code} | ({"Retry-After": retry_after} if retry_after else {})
    return JSONResponse({"error": {"code": code, "message": message}}, status, headers)
