"""Reads Partner Center's answers about operations: shapes, words and times, at one edge.

The field's words differ from page to page and from client to client; they are compared without
case, spaces, hyphens and underscores. An unknown word is a state of its own: a strict enum has
crashed a known client.
"""

import logging
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.ids import GUID_PATTERN
from shared.models import SANE_YEARS, Operation, OperationState
from shared.partner_center.protocol import OfferStatus
from shared.telemetry import event, without_secrets

_STATES = {
    "notstarted": OperationState.ACTIVE,
    "queued": OperationState.ACTIVE,
    "running": OperationState.ACTIVE,
    "inprogress": OperationState.ACTIVE,
    "waitingforpublisherreview": OperationState.ACTIVE,
    "waitingforapproval": OperationState.ACTIVE,
    "pending": OperationState.ACTIVE,
    "blocked": OperationState.ACTIVE,
    "canceling": OperationState.ACTIVE,
    "cancelling": OperationState.ACTIVE,
    "canceled": OperationState.CANCELED,
    "cancelled": OperationState.CANCELED,
    "succeeded": OperationState.SUCCEEDED,
    "complete": OperationState.SUCCEEDED,
    "completed": OperationState.SUCCEEDED,
    "failed": OperationState.FAILED,
    "rejected": OperationState.FAILED,
}
_OFFER_IDLE = {
    "neverpublished": OperationState.UNKNOWN,
    "notstarted": OperationState.UNKNOWN,
    "succeeded": OperationState.SUCCEEDED,
    "complete": OperationState.SUCCEEDED,
    "completed": OperationState.SUCCEEDED,
    "canceled": OperationState.CANCELED,
    "cancelled": OperationState.CANCELED,
    "failed": OperationState.FAILED,
}
_OFFER_ACTIVE = frozenset({"running", "waitingforpublisherreview"})
_CANCELING = frozenset({"canceling", "cancelling"})
_NO_CANCELLATION = frozenset({"", "cancancel", "cannotcancel"})
_CANCEL_TYPE = "cancel"
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_MAX_WORD_CHARACTERS = 100


class UnreadableAnswerError(ValueError):
    """The body is not what this call answers with; says what is missing."""


def parse_listing(body: Any, clock_offset: timedelta) -> tuple[Operation, ...]:
    """The operations of an offer, newest first. The order of the answer means nothing.

    Cancel operations are passed over: what they cancel is what a request is about.

    Raises:
        UnreadableAnswerError: Not an array, or an item without an id or a state.
    """
    if not isinstance(body, list):
        raise UnreadableAnswerError("the list of operations is not an array")
    dated = [
        (_order(item), _parse(item, None, clock_offset))
        for item in (_as_object(item) for item in body)
        if _plain(str(item.get("submissionType", ""))) != _CANCEL_TYPE
    ]
    return tuple(operation for _, operation in sorted(dated, key=lambda d: d[0], reverse=True))


def parse_operation(body: Any, operation_id: str | None, clock_offset: timedelta) -> Operation:
    """One operation: an object, or an array that has it (the documented sample is one).

    Args:
        body: The answer's JSON.
        operation_id: The id that was asked for, where one was: picks from an array, and stands
            in where the object has no id.
        clock_offset: Partner Center's clock minus ours.

    Raises:
        UnreadableAnswerError: There is no object with a state.
    """
    items = body if isinstance(body, list) else [body]
    objects = [_as_object(item) for item in items]
    if not objects:
        raise UnreadableAnswerError("the answer has no operation")
    matching = [o for o in objects if operation_id and _id_of(o) == operation_id.lower()]
    return _parse((matching or objects)[0], operation_id, clock_offset)


def parse_offer_status(body: Any) -> OfferStatus:
    """The offer's own status, which has words of its own.

    Raises:
        UnreadableAnswerError: There is no status.
    """
    word = _as_object(body).get("status")
    if not isinstance(word, str) or not word:
        raise UnreadableAnswerError("the offer status has no status")
    plain = _plain(word)
    if plain not in _OFFER_ACTIVE | _OFFER_IDLE.keys():
        event("offer-status-unknown", level=logging.WARNING, word=word)
    state = _OFFER_IDLE.get(plain, OperationState.ACTIVE)
    return OfferStatus(state=state, word=_kept(word))


def state_of(word: str) -> OperationState:
    """What a state word means."""
    return _STATES.get(_plain(word), OperationState.UNKNOWN)


def _parse(item: dict[str, Any], operation_id: str | None, clock_offset: timedelta) -> Operation:
    word = next((w for w in (item.get("status"), item.get("submissionState")) if w), None)
    found_id = _id_of(item) or (operation_id or "").lower()
    if not isinstance(word, str) or (operation_id is None and not found_id):
        raise UnreadableAnswerError("an operation has no id or no state")
    state = state_of(word)
    ended = _time(item, "lastActionDateTime", clock_offset) or _time(
        item, "changedTime", clock_offset
    )
    return Operation(
        id=found_id,
        state=state,
        word=_kept(word),
        started_at=_time(item, "createdDateTime", clock_offset),
        ended_at=ended if state.is_terminal else None,
        is_being_canceled=_is_being_canceled(item, word),
    )


def _is_being_canceled(item: dict[str, Any], word: str) -> bool:
    request = item.get("cancellationRequestState")
    asked = isinstance(request, str) and _plain(request) not in _NO_CANCELLATION
    return _plain(word) in _CANCELING or (asked and not state_of(word).is_terminal)


def _order(item: dict[str, Any]) -> tuple[datetime, int]:
    when = _time(item, "createdDateTime") or _time(item, "changedTime") or _EARLIEST
    version = item.get("version")
    return when, version if isinstance(version, int) else 0


def _as_object(item: Any) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise UnreadableAnswerError("an operation is not an object")
    return item


def _id_of(item: dict[str, Any]) -> str:
    """The item's GUID in lower case; empty without an id, unreadable with any other.

    Queue messages and paths carry it on, so that nothing else may pass for one.
    """
    value = item.get("id")
    if value in (None, ""):
        return ""
    if not isinstance(value, str) or not re.search(GUID_PATTERN, value):
        raise UnreadableAnswerError("an operation's id is not a GUID")
    return value.lower()


def _plain(word: str) -> str:
    return re.sub(r"[\s_-]", "", word).lower()


def _kept(word: str) -> str:
    """A word as it goes into row, message and mail, which bound and encode what they hold."""
    return without_secrets(word)[:_MAX_WORD_CHARACTERS]


def _time(
    item: dict[str, Any], name: str, clock_offset: timedelta = timedelta()
) -> datetime | None:
    """An ISO 8601 time, put on our clock; one without an offset is UTC.

    None for anything else, and for one that nobody can mean: .NET's least and greatest dates both
    mean that there is none.
    """
    value = item.get(name)
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value.strip())
        aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
        ours = aware.astimezone(UTC) - clock_offset
        # Ours as well: a Date header of another millennium moves any time out of what can be kept.
        return ours if all(at.year in SANE_YEARS for at in (aware, ours)) else None
    except (ValueError, OverflowError):
        return None
