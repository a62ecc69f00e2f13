"""Takes webhooks: verified first, then held to ``on=``, then handed to ``Acceptance``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shared.acceptance import Acceptance, CancelCall
from shared.errors import InvalidRequestError
from shared.http_answers import HttpAnswer, ProblemError, bad_request
from shared.idempotency import HEADER
from shared.models import CancelBody, from_json, to_json
from shared.telemetry import event
from shared.tracing import HEADER as TRACEPARENT
from shared.webhooks.events import WebhookEvent, read_event
from shared.webhooks.on_filter import OnFilter
from shared.webhooks.secrets import Sender, WebhookSecrets
from shared.webhooks.verification import is_genuine

MAX_BODY_BYTES = 1024 * 1024
_MEMBERS = ("on", "notification-emails", "operationId", "reason", "api-version")
_KEY = "code"  # Azure Functions' own, which no webhook needs
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="webhooks", charset="UTF-8"'}
_ADVICE = {
    Sender.GITHUB: "set the webhook's Content type to application/json, in its settings on GitHub",
}


@dataclass(frozen=True, kw_only=True)
class WebhookCall:
    """A delivery as it came; nothing in it is trusted.

    Attributes:
        query: The members of the URL's query; these are ours, since we give that URL away.
        headers: Names in lower case.
    """

    sender: str
    publisher_id: str
    offer_id: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


class WebhookReception:
    """Takes deliveries. Safe to share between threads."""

    def __init__(
        self, *, acceptance: Callable[[], Acceptance], secrets: Callable[[], WebhookSecrets]
    ) -> None:
        """Work with these; storage is not reached for before a delivery is verified."""
        self._acceptance = acceptance
        self._secrets = secrets

    def receive(self, call: WebhookCall) -> HttpAnswer:
        """Ask for a cancellation if the delivery tells of an event that its URL lists.

        Raises:
            ProblemError: What is wrong and where. 404 and 401 tell of the sender and nothing else.
            ConfigurationError: The settings of webhooks, of storage or the policy are wrong.
        """
        sender = _sender_of(call)
        if len(call.body) > MAX_BODY_BYTES:
            raise ProblemError(
                413, "RequestTooLarge", f"The body is larger than {MAX_BODY_BYTES} bytes."
            )
        self._verify(sender, call)
        happened = _read(sender, call)
        _check_names(call.query)
        wanted = OnFilter.parse(call.query.get("on"))
        cancel_call = _cancel_call(sender, call, happened)
        if why := _why_not(happened, wanted):
            # A URL that is wrong is told of at the first delivery, not at the one that matters.
            self._acceptance().check(cancel_call)
            event("webhook-ignored", sender=sender)
            return HttpAnswer(200, {"ignored": why})
        return self._acceptance().accept(cancel_call)

    def _verify(self, sender: Sender, call: WebhookCall) -> None:
        secrets = self._secrets().of(sender)
        if is_genuine(sender, secrets, call.headers, call.body):
            return
        event("webhook-refused", sender=sender, reason="" if secrets else "it has no secret here")
        challenge = _CHALLENGE if sender is Sender.AZURE_DEVOPS else {}
        raise ProblemError(
            401, "Unauthorized", "The sender could not be verified (WEBHOOK_SECRETS).", challenge
        )


def _sender_of(call: WebhookCall) -> Sender:
    try:
        return Sender(call.sender.lower())
    except ValueError:
        raise ProblemError(
            404, "NotFound", f"There is no such sender; there are {', '.join(Sender)}."
        ) from None


def _read(sender: Sender, call: WebhookCall) -> WebhookEvent:
    media_type = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        advice = _ADVICE.get(sender, "send JSON")
        raise ProblemError(
            415,
            "UnsupportedMediaType",
            f"The Content-Type of the body must be application/json: {advice}.",
        )
    try:
        return read_event(sender, call.headers, call.body)
    except InvalidRequestError as error:
        raise bad_request(f"The body: {error}") from error


def _check_names(query: Mapping[str, str]) -> None:
    """Refuse what nobody reads: passed over, ``operationid=`` would cancel whatever runs."""
    for name in query:
        if name not in (*_MEMBERS, _KEY):
            raise bad_request(
                f"The query: there is no member {name[:100]}; there are {', '.join(_MEMBERS)}"
            )


def _why_not(happened: WebhookEvent, wanted: OnFilter) -> str:
    """Why nothing is canceled for the event; empty if something is."""
    if happened.is_test:
        return "a ping, or a test: the URL and the secret are right"
    if not happened.name:
        return "the delivery names no event"
    if not wanted.matches(happened.names):
        return f"{happened.name[:200]} is not listed in on={wanted}"
    return ""


def _cancel_call(sender: Sender, call: WebhookCall, happened: WebhookEvent) -> CancelCall:
    headers = {HEADER: happened.key, TRACEPARENT: call.headers.get(TRACEPARENT)}
    return CancelCall(
        publisher_id=call.publisher_id,
        offer_id=call.offer_id,
        api_version=call.query.get("api-version"),
        headers={name: value for name, value in headers.items() if value is not None},
        body=b"",
        source=f"{sender}-webhook",
        members=_members(call.query),
    )


def _members(query: Mapping[str, str]) -> CancelBody:
    """What the URL asks for, held to the same rules as a body."""
    members = {
        "metadata": {"notification-emails": query.get("notification-emails")},
        "operationId": query.get("operationId") or None,
        "reason": query.get("reason") or None,
    }
    try:
        return from_json(to_json(members), CancelBody)
    except InvalidRequestError as error:
        raise bad_request(f"The query: {error}") from error
