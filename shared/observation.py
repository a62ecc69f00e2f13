"""What one poll reads of Partner Center: which readings there are, and how each is made."""

from dataclasses import dataclass, replace
from enum import Enum, auto

from shared.models import Operation, PendingCancellation
from shared.partner_center.protocol import OfferStatus, PartnerCenter


class Reading(Enum):
    """What can be read of Partner Center for a pending cancellation."""

    LOCATION = auto()
    TARGET = auto()
    LISTING = auto()
    STATUS = auto()


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What was read in this poll so far.

    Attributes:
        done: The readings made; one that found nothing is made, and its value is None.
        location: The operation at the Location.
        target: The target by its own path.
        listing: The offer's operations, newest first.
        status: The offer's own status.
    """

    done: frozenset[Reading] = frozenset()
    location: Operation | None = None
    target: Operation | None = None
    listing: tuple[Operation, ...] | None = None
    status: OfferStatus | None = None


def observe(
    center: PartnerCenter, pending: PendingCancellation, reading: Reading, seen: Observation
) -> Observation:
    """What was read so far, and one reading more.

    Raises:
        PartnerCenterError: It could not be made.
    """
    offer = pending.publisher_id, pending.offer_id
    done = seen.done | {reading}
    match reading:
        case Reading.LOCATION:
            found = center.read_location(*offer, pending.location or "")
            return replace(seen, done=done, location=found)
        case Reading.TARGET:
            target = center.read_operation(*offer, pending.target_operation_id or "")
            return replace(seen, done=done, target=target)
        case Reading.LISTING:
            return replace(seen, done=done, listing=center.list_operations(*offer))
        case Reading.STATUS:
            return replace(seen, done=done, status=center.read_status(*offer))
