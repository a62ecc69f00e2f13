"""Operations, pending cancellations and times for the tests of the domain's pure parts."""

from datetime import UTC, datetime, timedelta
from typing import Any

from shared.models import Operation, OperationState, PendingCancellation
from shared.partner_center.operations import state_of
from shared.partner_center.protocol import OfferStatus

REQUEST_ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
TARGET_ID = "56615b67-2185-49fe-80d2-c4ddf77bb2e8"
OTHER_ID = "408a4835-0000-1000-0000-000000000000"
CANCEL_ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
REQUESTED = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
OWN_LOCATION = (
    f"/api/publishers/contoso/offers/contoso-vm/operations/{TARGET_ID}?api-version=2017-10-31"
)
CANCEL_LOCATION = OWN_LOCATION.replace(TARGET_ID, CANCEL_ID)
SLOT_LOCATION = "/api/operations/contoso$contoso-vm$2$preview?api-version=2017-10-31"


def after(seconds: float) -> datetime:
    """A time so many seconds after the request; before it for a negative number."""
    return REQUESTED + timedelta(seconds=seconds)


def operation(word: str = "running", operation_id: str = TARGET_ID, **changes: Any) -> Operation:
    """An operation with the state that the word means; by default it tells no times."""
    return Operation(id=operation_id, state=state_of(word), word=word, **changes)


def offer_status(word: str, *, is_active: bool = False) -> OfferStatus:
    """The offer's own status."""
    state = OperationState.ACTIVE if is_active else state_of(word)
    return OfferStatus(state=state, word=word)


def pending(**changes: Any) -> PendingCancellation:
    """A cancellation whose target is known and whose Location is the target's own path."""
    values: dict[str, Any] = {
        "request_id": REQUEST_ID,
        "publisher_id": "contoso",
        "offer_id": "contoso-vm",
        "requested_at": REQUESTED,
        "post_sent_at": REQUESTED,
        "target_operation_id": TARGET_ID,
        "location": OWN_LOCATION,
        **changes,
    }
    return PendingCancellation(**values)
