"""Notices what lands on a poison queue, whether we put it there or the Functions host did.

The host's copies expire after seven days unseen; they are written anew, to stay until a person
has dealt with them. Where the message can still be read, its request ends as ``unconfirmed``, so
that whoever asked is told to act by hand.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from shared.errors import InvalidRequestError, QueueLeaseLostError, RowConflictError
from shared.handover import hand_over, unread
from shared.ledger import Ledger
from shared.models import CancelRequest, Outcome, OutcomeName, PendingCancellation, from_json
from shared.poison import PoisonRecord, poison_text, read_poison
from shared.poisoned import Request, find_or_make_row, request_in
from shared.queues import Queue, QueuedMessage
from shared.record import CancellationRecord
from shared.telemetry import event

_PAGE = 32
_LEASE_SECONDS = 60.0


class PoisonWatch:
    """Watches one poison queue. Two watches at once do no harm."""

    def __init__(
        self,
        *,
        queue_name: str,
        poison: Queue,
        pending: Queue,
        ledger: Ledger,
        clock: Callable[[], datetime],
    ) -> None:
        """Watch ``poison``, the poison queue of ``queue_name``."""
        self._queue_name = queue_name
        self._poison = poison
        self._pending = pending
        self._ledger = ledger
        self._clock = clock

    def run(self) -> None:
        """Deal with every record that nobody has noticed yet.

        Those that are noticed already are only peeked at, so that they stay in sight of a person.

        Raises:
            StorageUnavailableError: The queue or the table cannot be reached.
        """
        page = self._poison.peek(_PAGE)
        if len(page) < _PAGE and all(_is_noticed(text) for text in page):
            return
        seen: list[QueuedMessage] = []
        while messages := self._poison.receive(_PAGE, _LEASE_SECONDS):
            for message in messages:
                with _left_for_later():
                    record = read_poison(message)
                    if record.noticed_at is None:
                        self._notice(message, record)
                    else:
                        seen.append(message)
        # Those that were just written anew are among them: the lease would hide them.
        for message in seen:
            with _left_for_later():
                self._poison.update(message, message.text, 0)

    def _notice(self, message: QueuedMessage, record: PoisonRecord) -> None:
        request_id = self._tell_requester(record)
        noticed = replace(
            record, request_id=record.request_id or request_id, noticed_at=self._clock()
        )
        self._poison.put(poison_text(noticed))
        self._poison.delete(message)
        event(
            "poison-noticed",
            request_id=noticed.request_id,
            level=logging.ERROR,
            queue=self._queue_name,
            reason=record.reason,
        )

    def _tell_requester(self, poisoned: PoisonRecord) -> str:
        """End the request of a readable record. Returns its id, or empty.

        As unconfirmed, unless its end was found already and only never got into the row.
        """
        now = self._clock()
        try:
            request = request_in(poisoned, self._queue_name)
            row = find_or_make_row(self._ledger, poisoned, request, now)
        except InvalidRequestError:
            return ""  # no telling who asked
        is_followed = row.pending_queued and isinstance(request, CancelRequest)
        if row.outcome is None and not is_followed:  # else a twin of a message that did its work
            outcome, changes = _end_of(request, row, poisoned.reason, now)
            hand_over(self._ledger, self._pending, row, now, outcome=outcome, changes=changes)
        return row.request_id


def _end_of(
    request: Request, row: CancellationRecord, reason: str, now: datetime
) -> tuple[Outcome, dict[str, Any]]:
    """The end that the message knows, or that it is not known; and the row's fields with it."""
    if isinstance(request, PendingCancellation) and request.outcome is not None:
        beside = {
            "target_operation_id": row.target_operation_id or request.target_operation_id,
            "also_canceled": request.also_canceled,
            "newer_operations": request.newer_operations,
        }
        return request.outcome, beside
    unknown = Outcome(
        name=OutcomeName.UNCONFIRMED,
        at=now,
        operation_state=row.last_state,
        message=f"the request could not be processed: {reason}",
    )
    return unknown, unread(row)


@contextlib.contextmanager
def _left_for_later() -> Iterator[None]:
    """Somebody else works on the message or its row: that is no reason to stop."""
    try:
        yield
    except (QueueLeaseLostError, RowConflictError) as error:
        event("poison-left-for-later", reason=str(error))


def _is_noticed(text: str) -> bool:
    try:
        return from_json(text, PoisonRecord).noticed_at is not None
    except InvalidRequestError:
        return False
