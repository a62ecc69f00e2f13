"""What the domain asks of Partner Center, in the domain's own words.

Every time that is handed out is on our own clock: the difference to Partner Center's, taken from
the ``Date`` header of the same answer, is already subtracted.
"""

from dataclasses import dataclass
from typing import Protocol

from shared.models import Operation, OperationState


@dataclass(frozen=True, kw_only=True)
class OfferStatus:
    """The offer's own status: whether something runs, without saying which operation.

    Attributes:
        state: What the word means; ``UNKNOWN`` for an idle offer that never ran anything. A word
            that nobody knows counts as active.
        word: The status word as received.
    """

    state: OperationState
    word: str

    @property
    def is_active(self) -> bool:
        """Whether an operation runs."""
        return self.state is OperationState.ACTIVE


@dataclass(frozen=True, kw_only=True)
class CancelAnswer:
    """A cancel call that Partner Center took.

    Attributes:
        status_code: Any 2xx; 200 claims that it is done, 202 that it is under way.
        location: The polling path, pinned to this publisher and offer; None where the answer had
            none that could be used.
        retry_after: Seconds that the answer asked to wait before the first poll, or None.
    """

    status_code: int
    location: str | None
    retry_after: float | None = None


class PartnerCenter(Protocol):
    """Reads and cancels operations of one offer.

    Every method raises ``TransientError`` for what may pass (throttling, outage, an answer that
    cannot be read) and ``RefusedError`` for a clear no. Reads may be repeated freely.
    """

    def list_operations(self, publisher_id: str, offer_id: str) -> tuple[Operation, ...] | None:
        """The offer's operations, newest first; None where the API no longer has the list."""

    def read_status(self, publisher_id: str, offer_id: str) -> OfferStatus:
        """The offer's own status; ``RefusedError`` (404) when there is no such offer."""

    def read_operation(
        self, publisher_id: str, offer_id: str, operation_id: str
    ) -> Operation | None:
        """One operation by its own path; None where that path does not know it."""

    def read_location(self, publisher_id: str, offer_id: str, location: str) -> Operation | None:
        """The operation at a polling path, checked again; None where there is none."""

    def cancel(self, publisher_id: str, offer_id: str, notification_emails: str) -> CancelAnswer:
        """Send the cancel call once. It cancels whatever runs on the offer.

        Raises:
            NotSentError: Surely not carried out; anything else transient may have been.
        """
