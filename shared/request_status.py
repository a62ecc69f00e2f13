"""What a caller is told of a request, in the words of Partner Center's own operations."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from shared.callers import ANYBODY, Callers
from shared.errors import StorageUnavailableError
from shared.http_answers import RETRY_AFTER_SECONDS, HttpAnswer, ProblemError, unavailable
from shared.http_paths import check_offer_path, check_request_id, status_path
from shared.ledger import Ledger
from shared.models import Outcome
from shared.notification.wording import WORDINGS
from shared.record import CancellationRecord


@dataclass(frozen=True, kw_only=True)
class StatusCall:
    """An HTTP call about one request as it came; nothing in it is trusted.

    Attributes:
        headers: Names in lower case.
    """

    publisher_id: str
    offer_id: str
    request_id: str
    api_version: str | None
    headers: Mapping[str, str] = field(default_factory=dict)


def find_request(
    ledger: Ledger, call: StatusCall, callers: Callers = ANYBODY
) -> CancellationRecord:
    """The row of the request that a call is about.

    Raises:
        ProblemError: What is wrong with the call, or its caller; 404 for a request that is not
            known.
    """
    check_offer_path(call.publisher_id, call.offer_id, call.api_version)
    callers.check(call.headers, call.publisher_id)
    check_request_id(call.request_id)
    try:
        found = ledger.get(call.publisher_id, call.offer_id, call.request_id)
    except StorageUnavailableError as error:
        raise unavailable("The request could not be read; ask again.") from error
    if found is None:
        raise ProblemError(404, "NotFound", "This publisher and offer have no request of this id.")
    return found


def status_answer(record: CancellationRecord) -> HttpAnswer:
    """202 with where to ask again while the request goes on, 200 from its outcome on.

    A poller such as azure-core's goes by the status code alone: it ends when the request does.
    """
    if not record.is_open:
        return HttpAnswer(200, _members(record))
    headers = {"Location": status_path(record), "Retry-After": str(RETRY_AFTER_SECONDS)}
    return HttpAnswer(202, _members(record), headers)


def _members(record: CancellationRecord) -> dict[str, Any]:
    outcome = record.outcome
    members = {
        "id": record.request_id,
        "submissionType": "cancel",
        "status": record.status,
        "outcome": outcome.name if outcome else None,
        "message": _ended(outcome) if outcome else record.last_error,
        "targetOperationId": record.target_operation_id,
        "createdDateTime": record.created_at,
        "lastActionDateTime": record.last_step_at,
        "steps": (),  # published clients read those of Partner Center's operations unconditionally
        "history": record.history,
    }
    told: dict[str, Any] = msgspec.to_builtins(members)
    return told


def _ended(outcome: Outcome) -> str:
    """What the mail's first line says, and whatever Partner Center said."""
    parts = (WORDINGS[outcome.name].headline, outcome.code, outcome.message)
    return " ".join(part for part in parts if part)
