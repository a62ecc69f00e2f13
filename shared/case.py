"""What is known of a request and what was just read of its offer, side by side."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.models import Operation, OperationState
from shared.partner_center.protocol import OfferStatus

CLOCK_TOLERANCE = timedelta(seconds=5)
LISTING_LAG = timedelta(minutes=2)
_UNSURE_ENDS = frozenset({OperationState.SUCCEEDED, OperationState.FAILED})


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is known of a request, and what was just read. Every time is on our clock.

    Attributes:
        operation_id: The operation that the request names, if it names one.
        target_id: The operation that an earlier look settled on.
        post_sent_at: When a cancel call that may have arrived was sent.
        idle_since: When an earlier look first found nothing running.
        listing: The offer's operations, newest first; None where the API has no list.
        named: The operation with ``target_id`` or ``operation_id``, as read by its own path.
        offer_status: Read only when it is needed.
    """

    requested_at: datetime
    now: datetime
    second_look: timedelta
    listing: tuple[Operation, ...] | None
    operation_id: str | None = None
    target_id: str | None = None
    post_sent_at: datetime | None = None
    idle_since: datetime | None = None
    named: Operation | None = None
    offer_status: OfferStatus | None = None

    @property
    def subject_id(self) -> str | None:
        """The id of the operation that the request is judged by, once one is settled."""
        return self.target_id or self.operation_id

    @property
    def subject(self) -> Operation | None:
        """The operation that the request is judged by."""
        if not self.subject_id:
            return self.running or next(filter(self.was_there, self.listing or ()), None)
        listed = next((o for o in self.listing or () if o.id == self.subject_id), None)
        another_runs = self.running is not None and self.running.id != self.subject_id
        return weigh(self.named, listed, has_ended=another_runs)

    def was_there(self, operation: Operation) -> bool:
        """Whether the operation may have been there when the request was made."""
        started = operation.started_at
        return started is None or started <= self.requested_at + CLOCK_TOLERANCE

    @property
    def running(self) -> Operation | None:
        """The one operation that the list shows running."""
        return running_operation(self.listing or ())

    @property
    def subject_runs(self) -> bool:
        """Whether the subject goes on. Of two, an older one with an unknown word has ended."""
        if self.subject is None or self.subject.state.is_terminal:
            return False
        is_settled = self.subject.state is OperationState.ACTIVE or not self.listing
        newest_id = self.listing[0].id if self.listing else None
        return is_settled or self.subject.id == newest_id

    @property
    def another_runs(self) -> bool:
        """Whether the list shows another operation running than the subject."""
        running, subject = self.running, self.subject
        return running is not None and subject is not None and running.id != subject.id

    @property
    def is_older_than_lag(self) -> bool:
        """Whether a publish started before the request must be in the list by now."""
        return self.now - self.requested_at >= LISTING_LAG

    @property
    def status_runs(self) -> bool:
        """Whether the offer's own status says that something runs."""
        return self.offer_status is not None and self.offer_status.is_active

    @property
    def status_is_canceled(self) -> bool:
        """Whether the offer's own status says that what ran last was canceled."""
        return self.offer_status is not None and self.offer_status.state is OperationState.CANCELED

    @property
    def reads_nothing(self) -> bool:
        """Whether neither list nor status could be read so far."""
        return self.listing is None and self.offer_status is None

    @property
    def is_ended_by_path_alone(self) -> bool:
        """Whether only a path says that the subject ended otherwise than canceled.

        There are paths that know no canceled, and no list to hold this one to.
        """
        subject = self.subject
        return self.listing is None and subject is not None and subject.state in _UNSURE_ENDS


def weigh(*shown: Operation | None, has_ended: bool = False) -> Operation | None:
    """Of several readings of one operation the one to believe.

    Canceled wins, since there are paths that know no canceled. Else one that has not ended wins:
    an end that another reading contradicts is none. Unless it must have ended.
    """
    ends = 1 if has_ended else 4
    ranks = {
        OperationState.CANCELED: 0,
        OperationState.ACTIVE: 2,
        OperationState.UNKNOWN: 3,
        OperationState.SUCCEEDED: ends,
        OperationState.FAILED: ends,
    }
    return min((o for o in shown if o), key=lambda o: ranks[o.state], default=None)


def running_operation(listing: tuple[Operation, ...]) -> Operation | None:
    """The running one of an offer's operations, newest first; at most one runs at a time."""
    active = [operation for operation in listing if operation.state is OperationState.ACTIVE]
    if active:
        return active[0]
    newest = listing[0] if listing else None
    return newest if newest and newest.state is OperationState.UNKNOWN else None
