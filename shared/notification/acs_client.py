"""The exchanges with Azure Communication Services: by its SDK, each bounded, none of them repeated.

The SDK's own retries sleep for as long as the service asks, and would do so inside of a function.
Its errors carry whole requests and answers: none of them leaves this module.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import requests
import urllib3
from azure.communication.email import EmailClient
from azure.core.exceptions import AzureError, ServiceRequestError
from azure.core.pipeline import PipelineResponse
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest
from azure.identity import ManagedIdentityCredential

from shared.errors import MailAnswerLostError, MailDeferredError
from shared.notification.acs_resource import AcsResource
from shared.notification.phrasing import plain
from shared.retry_after import retry_after_seconds
from shared.telemetry import masked
from shared.watched_http import Guard, WatchedAdapter, deadline

API_VERSION: Final = "2025-09-01"
_CONNECT_SECONDS = 10.0
_TOKEN_SECONDS = 20.0
_MAX_TEXT = 300
# What the SDK, azure-identity and what they stand on raise.
_FAILURES = (
    AzureError,
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    ValueError,
    OSError,
)

type _Hook = Callable[[Any], None]


@dataclass(frozen=True)
class AcsAnswer:
    """What the service answered.

    Attributes:
        status_code: The HTTP status.
        code: Of its error, or empty.
        said: The error in its own words, or empty; without addresses.
        operation_state: Of the send operation, such as ``Running``, or empty.
        retry_after: Seconds that it asks to wait, or None.
    """

    status_code: int
    code: str
    said: str
    operation_state: str
    retry_after: float | None


class AcsClient:
    """Talks to one resource as a managed identity. Threads may share it."""

    def __init__(self, resource: AcsResource, *, deadline_seconds: float) -> None:
        """Nothing is connected yet.

        Args:
            resource: Where to, and as whom.
            deadline_seconds: The longest that one exchange may last, once there is a token.
        """
        self._deadline_seconds = deadline_seconds
        self._name = f"mail service {resource.endpoint}"
        # On this machine it may be plain HTTP; the settings see to it that it is nowhere else.
        self._enforce_https = not resource.is_loopback
        self._identity = _Identity(resource.client_id)
        self._client = EmailClient(
            resource.endpoint,
            self._identity,
            api_version=API_VERSION,
            transport=_transport(deadline_seconds),
            retry_total=0,
            permit_redirects=False,
            logging_enable=False,
        )

    def send(self, message: dict[str, Any], operation_id: str) -> AcsAnswer:
        """Hand a mail over; what becomes of it is not waited for, since asking costs quota.

        Args:
            message: As the API has it.
            operation_id: The same for the same mail, so that a repetition is no second one.

        Raises:
            MailDeferredError: There is no token, or no connection.
            MailAnswerLostError: It may have arrived, but the answer did not.
        """

        def call(hook: _Hook) -> None:
            self._client.begin_send(
                message,
                operation_id=operation_id,
                polling=False,
                raw_response_hook=hook,
                enforce_https=self._enforce_https,
            )

        return self._exchange(call)

    def look_up(self, operation_id: str) -> AcsAnswer:
        """Ask about a send operation; raises as ``send`` does."""
        path = f"/emails/operations/{operation_id}"
        request = HttpRequest("GET", path, params={"api-version": API_VERSION})

        def call(hook: _Hook) -> None:
            self._client.send_request(
                request, raw_response_hook=hook, enforce_https=self._enforce_https
            )

        return self._exchange(call)

    def _exchange(self, call: Callable[[_Hook], None]) -> AcsAnswer:
        heads: list[PipelineResponse[Any, Any]] = []
        with deadline(self._deadline_seconds) as guard:
            try:
                call(heads.append)
            except _FAILURES as error:
                # Once its head is here the answer is known, whatever the SDK thinks of the rest.
                if not heads:
                    raise self._failure(error, guard) from None
            answer = _answer(heads[0].http_response)
        if answer.status_code == 401:
            self._identity.forget()
        return answer

    def _failure(self, error: Exception, guard: Guard) -> Exception:
        if guard.is_over:
            said = f"it took longer than {self._deadline_seconds:g} seconds"
        else:
            said = _clean(str(_root_of(error)) or type(error).__name__)
        if isinstance(error, ServiceRequestError):
            return MailDeferredError(f"{self._name}: {said}")
        return MailAnswerLostError(f"{self._name}, after the mail was handed over: {said}")


class _Identity:
    """A managed identity's tokens, whose want is an error of ours and not of the mail service."""

    def __init__(self, client_id: str) -> None:
        self._client_id = client_id
        self._credential: Any = None

    def forget(self) -> None:
        """Ask for a new token next time: the memory of azure-identity holds one for a day."""
        self._credential = None

    def get_token(self, *scopes: str, **options: Any) -> Any:
        """For the SDK; raises ``MailDeferredError``."""
        credential = self._credential = self._credential or self._made()
        try:
            return credential.get_token(*scopes, **options)
        except _FAILURES as error:
            self.forget()  # msal keeps failures, too, and asks nobody for a while
            said = _clean(str(error)) or type(error).__name__
            raise MailDeferredError(f"no token for the mail service: {said}") from None

    def _made(self) -> ManagedIdentityCredential:
        return ManagedIdentityCredential(
            client_id=self._client_id or None,
            retry_total=0,
            connection_timeout=_CONNECT_SECONDS,
            read_timeout=_TOKEN_SECONDS,
            use_env_settings=False,
        )


def _transport(deadline_seconds: float) -> RequestsTransport:
    session = requests.Session()
    session.trust_env = False
    # One that lies idle may be closed at the moment of its use, and the mail's answer be lost.
    session.headers["Connection"] = "close"
    for scheme in ("http://", "https://"):
        session.mount(scheme, WatchedAdapter())
    return RequestsTransport(
        session=session,
        use_env_settings=False,
        connection_timeout=min(_CONNECT_SECONDS, deadline_seconds),
        read_timeout=deadline_seconds,
    )


def _answer(response: Any) -> AcsAnswer:
    body = _members(response)
    error = body.get("error")
    error = error if isinstance(error, dict) else {}
    asked = response.headers.get("Retry-After", "")
    return AcsAnswer(
        status_code=response.status_code,
        code=_clean(str(error.get("code") or "")),
        said=_clean(str(error.get("message") or "")),
        operation_state=str(body.get("status") or ""),
        retry_after=retry_after_seconds(asked, datetime.now(UTC)),
    )


def _members(response: Any) -> dict[str, Any]:
    """The body; empty for one that did not come whole, or is no JSON object."""
    try:
        body = json.loads(response.read())
    except (*_FAILURES, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _root_of(error: BaseException) -> BaseException:
    """Where it began: what is wrapped around that repeats the request."""
    error = getattr(error, "inner_exception", None) or error
    while below := error.__cause__ or error.__context__:
        error = below
    return error


def _clean(said: str) -> str:
    return masked(plain(said, _MAX_TEXT))
