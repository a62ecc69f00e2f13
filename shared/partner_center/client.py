"""The Cloud Partner Portal API as the domain sees it: five calls, classified by what to do next.

Facts about the API are Microsoft's "Cloud Partner Portal API" pages (api-version 2017-10-31) and
what working clients do; where they disagree, both readings are accepted.
"""

import json
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from shared.errors import (
    NoTokenError,
    NotSentError,
    PartnerCenterError,
    RefusedError,
    TransientError,
)
from shared.models import Operation, utc_now
from shared.partner_center import location as locations
from shared.partner_center.credentials import Tokens
from shared.partner_center.operations import (
    UnreadableAnswerError,
    parse_listing,
    parse_offer_status,
    parse_operation,
)
from shared.partner_center.protocol import CancelAnswer, OfferStatus
from shared.partner_center.transport import Answer, Exchange, Transport
from shared.telemetry import event, without_secrets
from shared.tracing import client_request_id

READ_SECONDS = 40.0
CANCEL_SECONDS = 120.0

_GONE = frozenset({400, 404, 405, 410})
_NOT_TAKEN = frozenset({400, 403, 404, 409, 412, 422})
_CODE_CHARACTERS = 100
_MESSAGE_CHARACTERS = 500


class CloudPartnerPortal:
    """Partner Center through its Cloud Partner Portal API. Safe to share between threads."""

    def __init__(
        self,
        origin: str,
        tokens: Tokens,
        *,
        read_seconds: float = READ_SECONDS,
        cancel_seconds: float = CANCEL_SECONDS,
        clock: Callable[[], datetime] = utc_now,
        transport: Exchange | None = None,
    ) -> None:
        """Talk to ``origin`` only, with total deadlines in seconds for each call.

        ``transport`` stands in for HTTP to that origin, where there is to be none.
        """
        self._origin = origin
        self._tokens = tokens
        self._transport = transport or Transport(origin, clock)
        self._read_seconds = read_seconds
        self._cancel_seconds = cancel_seconds

    def list_operations(self, publisher_id: str, offer_id: str) -> tuple[Operation, ...] | None:
        """The offer's operations, newest first; None where the API no longer has the list.

        Unfiltered: two clients send two names for the filter.
        """
        answer = self._get(locations.offer_path(publisher_id, offer_id, "submissions"))
        if answer.status_code in _GONE:
            return None
        return _parsed(answer, lambda body: parse_listing(body, answer.clock_offset))

    def read_status(self, publisher_id: str, offer_id: str) -> OfferStatus:
        """The offer's own status; ``RefusedError`` (404) when there is no such offer."""
        answer = self._get(locations.offer_path(publisher_id, offer_id, "status"))
        if answer.status_code == 404:
            raise _refused(answer, "there is no such offer")
        return _parsed(answer, parse_offer_status)

    def read_operation(
        self, publisher_id: str, offer_id: str, operation_id: str
    ) -> Operation | None:
        """One operation by its own path; None where that path does not know it."""
        path = locations.offer_path(publisher_id, offer_id, f"operations/{operation_id}")
        return self._operation(path, operation_id)

    def read_location(self, publisher_id: str, offer_id: str, location: str) -> Operation | None:
        """The operation at a polling path, pinned again: the message may have been tampered with.

        A path that does not fit reads as one where nothing is.
        """
        pinned = locations.pin(
            location, origin=self._origin, publisher_id=publisher_id, offer_id=offer_id
        )
        if pinned is None:
            event("location-refused", level=logging.WARNING, location=location)
            return None
        return self._operation(pinned, locations.operation_id_of(pinned) or "")

    def cancel(self, publisher_id: str, offer_id: str, notification_emails: str) -> CancelAnswer:
        """Send the cancel call: once, and once more where the answer asks for ``If-Match``.

        The documentation demands ``If-Match`` on every call and no client sends it on this one.
        """
        path = locations.offer_path(publisher_id, offer_id, "cancel")
        body = json.dumps({"metadata": {"notification-emails": notification_emails}}).encode()
        answer = self._call("POST", path, body)
        if answer.status_code == 400 and b"if-match" in answer.body.lower():
            answer = self._call("POST", path, body, {"If-Match": "*"})
        if not 200 <= answer.status_code < 300:
            raise _told(_failure(answer, "the cancel call"))
        pinned, refused = locations.resolve(
            answer.headers,
            answer.json(),
            origin=self._origin,
            publisher_id=publisher_id,
            offer_id=offer_id,
        )
        if refused is not None:
            event("location-refused", level=logging.WARNING, location=refused)
        return CancelAnswer(
            status_code=answer.status_code, location=pinned, retry_after=answer.retry_after
        )

    def _operation(self, path: str, operation_id: str) -> Operation | None:
        answer = self._get(path)
        if answer.status_code in _GONE:
            return None
        operation = _parsed(
            answer, lambda body: parse_operation(body, operation_id, answer.clock_offset)
        )
        if operation_id and operation.id != operation_id.lower():
            # Whatever this is, it is not what was asked for; the list knows operations by id.
            event("another-operation-answered", level=logging.WARNING, operationId=operation.id)
            return None
        return replace(operation, retry_after=answer.retry_after)

    def _get(self, path: str) -> Answer:
        """A read whose answer is either usable (200) or says that the path is gone."""
        answer = self._call("GET", path, None)
        if answer.status_code == 200 or answer.status_code in _GONE:
            return answer
        raise _told(_failure(answer, "a read"))

    def _call(
        self, method: str, path: str, body: bytes | None, extra: dict[str, str] | None = None
    ) -> Answer:
        """One exchange; a refused token is renewed once."""
        try:
            token = self._tokens.current()
            answer = self._exchange(method, path, body, token, extra or {})
            if answer.status_code == 401 and (other := self._tokens.renewed(token)) is not None:
                answer = self._exchange(method, path, body, other, extra or {})
        except TransientError as error:
            _told(error)
            raise
        return answer

    def _exchange(
        self, method: str, path: str, body: bytes | None, token: str, extra: dict[str, str]
    ) -> Answer:
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "x-ms-client-request-id": client_request_id(),
            **extra,
        }
        seconds = self._read_seconds if method == "GET" else self._cancel_seconds
        return self._transport.send(method, path, headers, body, seconds)


def _parsed[T](answer: Answer, parse: Callable[[Any], T]) -> T:
    if answer.status_code != 200:
        said = f"Partner Center answered {answer.status_code} to a read"
        raise _told(TransientError(said, status_code=answer.status_code))
    try:
        return parse(answer.json())
    except UnreadableAnswerError as error:
        raise _told(TransientError(f"unreadable answer: {error}", status_code=200)) from error


def _told[E: PartnerCenterError](error: E) -> E:
    """The error, once an event has told of it.

    Without a status there was no token, or no answer: ``tokenMissing`` tells which.
    """
    event(
        "partner-center-failed",
        level=logging.WARNING,
        status=error.status_code,
        code=error.code,
        tokenMissing=isinstance(error, NoTokenError) or None,
        reason=str(error),
    )
    return error


def _failure(answer: Answer, call: str) -> PartnerCenterError:
    """What an answer other than 2xx means for whoever sent the request."""
    code, said = _words(answer)
    status = answer.status_code
    message = f"Partner Center answered {status} to {call}{': ' if said else ''}{said}"
    is_clear_no = status == 403 or (call == "the cancel call" and status in _NOT_TAKEN)
    if is_clear_no:
        return RefusedError(said or message, status_code=status, code=code)
    # Unauthorized and throttled requests are turned away before they do anything.
    kind = NotSentError if status in (401, 429) else TransientError
    return kind(message, status_code=status, code=code, retry_after=answer.retry_after)


def _refused(answer: Answer, fallback: str) -> RefusedError:
    code, said = _words(answer)
    return RefusedError(said or fallback, status_code=answer.status_code, code=code)


def _words(answer: Answer) -> tuple[str, str]:
    """Code and message of the error envelope, which may be missing, or of another shape."""
    body = answer.json()
    error = body.get("error") if isinstance(body, dict) else None
    members = error if isinstance(error, dict) else {}
    code, message = members.get("code"), members.get("message")
    return (
        without_secrets(code)[:_CODE_CHARACTERS] if isinstance(code, str) else "",
        without_secrets(message)[:_MESSAGE_CHARACTERS] if isinstance(message, str) else "",
    )
