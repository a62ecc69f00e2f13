"""Accepts a cancel request over HTTP: a drop-in for Microsoft's Cancel operation API.

Everything that can be wrong is said before anything is stored; 202 is not answered before the
request is durably on the queue.
"""

import contextlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from shared.addresses import is_allowed, parse_addresses
from shared.callers import ANYBODY, HTTP, Callers
from shared.errors import (
    ConfigurationError,
    InvalidRequestError,
    RowConflictError,
    StorageUnavailableError,
)
from shared.http_answers import (
    RETRY_AFTER_SECONDS,
    HttpAnswer,
    ProblemError,
    bad_request,
    unavailable,
)
from shared.http_paths import check_offer_path, check_served, status_path
from shared.idempotency import key_of, request_id_of
from shared.ledger import Ledger
from shared.misnamed import names_of_operation, refuse_misnamed_operation
from shared.models import CancelBody, CancelRequest, from_json, to_json
from shared.queues import Queue
from shared.record import CancellationRecord, State, new_record, request_message
from shared.settings import MailSettings, PolicySettings
from shared.telemetry import event
from shared.tracing import HEADER as TRACEPARENT
from shared.tracing import working_on

MAX_BODY_BYTES = 16 * 1024
_MAX_CONFLICTS = 3
_REPEATED = "request-repeated"


@dataclass(frozen=True, kw_only=True)
class CancelCall:
    """An HTTP cancel request as it came; nothing in it is trusted.

    Attributes:
        headers: Names in lower case.
        query: The names in the URL's query.
        source: By which way it came; the same key by another way is another key.
        members: What is asked for, where that is not in the body.
    """

    publisher_id: str
    offer_id: str
    api_version: str | None
    headers: Mapping[str, str]
    body: bytes
    query: Collection[str] = ()
    source: str = HTTP
    members: CancelBody | None = None


class Acceptance:
    """Takes requests. Safe to share between threads."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        requests: Queue,
        policy: PolicySettings,
        mail_settings: Callable[[], MailSettings],
        clock: Callable[[], datetime],
        callers: Callable[[], Callers] = lambda: ANYBODY,
        new_id: Callable[[], UUID] = uuid4,
    ) -> None:
        """Work with these; requests are accepted while the mail settings are wrong."""
        self._new_id = new_id
        self._callers = callers
        self._ledger = ledger
        self._requests = requests
        self._policy = policy
        self._mail_settings = mail_settings
        self._clock = clock

    def accept(self, call: CancelCall) -> HttpAnswer:
        """Put a valid request on ``cancel-requests``.

        A crash in here may leave a request that the caller never got an answer for. Asking again
        with the same ``Idempotency-Key`` is asking for that one; without, it makes another one,
        and both lead to one cancellation.

        Raises:
            ProblemError: What is wrong and where.
        """
        source = self._admitted(call)
        request, emails = self._checked(call)
        key = key_of(call.headers)
        now = self._clock()
        record = new_record(
            request,
            request_id=str(request_id_of(request, key, call.source) if key else self._new_id()),
            requested_at=now,
            source=source,
            emails=emails,
            dropped_emails=0,
            now=now,
        )
        try:
            with working_on(record.request_id, record.traceparent):
                stored = self._store(record, key)
                event("request-accepted", request_id=stored.request_id, source=source)
        except (StorageUnavailableError, RowConflictError) as error:
            raise unavailable(
                "The request could not be stored and was not accepted; send it again."
            ) from error
        location = status_path(stored)
        members = {"id": stored.request_id, "status": "notStarted", "location": location}
        headers = {"Location": location, "Retry-After": str(RETRY_AFTER_SECONDS)}
        return HttpAnswer(202, members, headers)

    def check(self, call: CancelCall) -> None:
        """Refuse what ``accept`` would refuse of the call itself; ``ProblemError`` likewise."""
        self._admitted(call)
        self._checked(call)
        key_of(call.headers)

    def _store(self, record: CancellationRecord, key: str | None) -> CancellationRecord:
        """The request's row, its message on the queue: made now, or the one that has this key."""
        if key is None:
            return self._made(record)
        for _ in range(_MAX_CONFLICTS):
            with contextlib.suppress(RowConflictError):
                return self._made(record)
            with contextlib.suppress(RowConflictError):
                return self._repeated(record)
        raise RowConflictError(f"row {record.request_id} is never at rest")

    def _made(self, record: CancellationRecord) -> CancellationRecord:
        """The row first, so that whoever takes the message finds it."""
        written = record
        try:
            written = self._ledger.insert(record)
            self._requests.put(to_json(request_message(written)))
        except StorageUnavailableError:
            if self._is_taken_back(written):
                raise
        return written

    def _repeated(self, record: CancellationRecord) -> CancellationRecord:
        """The request that this key was used for first, on the queue for certain.

        The row is written before the message is put: whoever made it, and may find that it could
        not put its own message, must not remove it now.
        """
        found = self._ledger.get(record.publisher_id, record.offer_id, record.request_id)
        if found is None:
            raise RowConflictError(f"row {record.request_id} was there and is gone")
        if found.fingerprint not in ("", record.fingerprint):
            raise ProblemError(
                409,
                "Conflict",
                "This Idempotency-Key, or delivery, was used for another request of this offer.",
            )
        event(_REPEATED, request_id=found.request_id)
        if not _may_lack_its_message(found):
            return found
        if not _is_marked(found):  # once is enough, and of many at once only one can write
            found = self._ledger.replace(found.with_step(self._clock(), _REPEATED))
        self._requests.put(to_json(request_message(found)))
        return found

    def _is_taken_back(self, record: CancellationRecord) -> bool:
        """Remove the row of what was not accepted, so that it mails nobody later.

        A message that arrived all the same makes it anew. Unless it was taken already, or the
        same was sent again: whoever has noted that in the row since counts on it.
        """
        key = record.publisher_id, record.offer_id, record.request_id
        try:
            found = record if record.etag else self._ledger.get(*key)
            if found is None or found.created_at != record.created_at:
                return True
            if found.history != record.history:
                return _may_lack_its_message(found)
            self._ledger.remove(found)
        except StorageUnavailableError as error:
            event("row-not-removed", request_id=record.request_id, reason=str(error))
        except RowConflictError:
            found = self._ledger.get(*key)
            return found is None or _may_lack_its_message(found)
        return True

    def _admitted(self, call: CancelCall) -> str:
        """Who asks, if they may for this publisher; ways in other than HTTP check it themselves."""
        check_offer_path(call.publisher_id, call.offer_id, call.api_version)
        is_http = call.source == HTTP
        source = self._callers().check(call.headers, call.publisher_id) if is_http else call.source
        check_served(call.publisher_id, self._policy)
        return source

    def _checked(self, call: CancelCall) -> tuple[CancelRequest, tuple[str, ...]]:
        if names := names_of_operation(call.query):
            raise bad_request(f"The query: `{names[0]}` belongs into the body, as `operationId`")
        body = call.members or _read_body(call)
        request = CancelRequest(
            publisher_id=call.publisher_id,
            offer_id=call.offer_id,
            metadata=body.metadata,
            operation_id=body.operation_id,
            reason=body.reason,
            traceparent=call.headers.get(TRACEPARENT),
        )
        try:
            emails = parse_addresses(request.notification_emails)
        except InvalidRequestError as error:
            raise bad_request(f"{'' if call.members else 'metadata.'}{error}") from error
        self._check_domains(emails)
        return request, emails

    def _check_domains(self, emails: tuple[str, ...]) -> None:
        try:
            domains = self._mail_settings().allowed_domains
        except ConfigurationError:
            return  # checked again before anything is mailed
        for position, address in enumerate(emails, start=1):
            if not is_allowed(address, domains):
                raise bad_request(
                    f"metadata.notification-emails: the domain of address {position} is not one"
                    " that this deployment mails to (NOTIFICATION_ALLOWED_DOMAINS)"
                )


def _may_lack_its_message(record: CancellationRecord) -> bool:
    """Whether nobody has had the request's message in hand yet."""
    return record.is_open and record.state is State.ACCEPTED and record.attempt == 0


def _is_marked(record: CancellationRecord) -> bool:
    return any(step.step == _REPEATED for step in record.history)


def _read_body(call: CancelCall) -> CancelBody:
    if len(call.body) > MAX_BODY_BYTES:
        raise ProblemError(
            413, "RequestTooLarge", f"The body is larger than {MAX_BODY_BYTES} bytes."
        )
    if not call.body.strip():
        return CancelBody()
    media_type = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise ProblemError(
            415, "UnsupportedMediaType", "The Content-Type of the body must be application/json."
        )
    try:
        body = from_json(call.body, CancelBody)
        refuse_misnamed_operation(call.body)
    except InvalidRequestError as error:
        raise bad_request(f"The body: {error}") from error
    return body
