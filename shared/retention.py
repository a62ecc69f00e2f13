"""Removes the rows of requests for which nothing has been left to do for a long time.

In small steps, so that neither polling nor the storage notices. What is open is never removed,
nor what is written meanwhile; a step that is cut short is simply taken again.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice

from shared.errors import RowConflictError
from shared.ledger import Ledger
from shared.listing import Listing
from shared.listing_entity import Listed
from shared.record import CancellationRecord, Mail
from shared.telemetry import event

EVERY = timedelta(hours=1)
STEP = 100
_LONGEST = timedelta(seconds=20)


class Retention:
    """Removes rows. Two at once do no harm."""

    def __init__(
        self,
        *,
        listing: Listing,
        ledger: Ledger,
        keep: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        """Remove what nothing has happened to for so long."""
        self._listing = listing
        self._ledger = ledger
        self._keep = keep
        self._clock = clock
        self._rests_until: datetime | None = None

    def run_if_due(self) -> None:
        """Take a step: once an hour, and at each call as long as there is more.

        Raises:
            StorageUnavailableError: The table cannot be read or written; the step is due again.
        """
        started = self._clock()
        if self._rests_until is not None and started < self._rests_until:
            return
        before = started - self._keep
        old = list(islice(self._listing.ended_before(before), STEP))
        removed = 0
        for each in old:
            if self._clock() - started > _LONGEST:
                break
            removed += self._is_removed(each, before)
        if removed:
            event("rows-removed", count=removed)
        if len(old) < STEP:
            self._rests_until = started + EVERY

    def _is_removed(self, shown: Listed, before: datetime) -> bool:
        """Remove a request by its row, which has the say in whether it is through."""
        found = self._ledger.get(shown.publisher_id, shown.offer_id, shown.request_id)
        if found is None:  # a person has removed it
            self._listing.remove(shown)
            return True
        if not _is_through(found, before):
            return False
        try:
            self._ledger.remove(found)
        except RowConflictError:  # somebody has just put it back, or removed it
            return False
        return True


def _is_through(record: CancellationRecord, before: datetime) -> bool:
    is_mailed = record.mail not in (Mail.NONE, Mail.SENDING)
    return not record.is_open and is_mailed and record.last_step_at < before
