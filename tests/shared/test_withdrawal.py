from typing import Any

import pytest

from shared.errors import StorageUnavailableError
from shared.http_answers import ProblemError
from shared.models import Outcome, OutcomeName, PendingCancellation, from_json
from shared.record import CancellationRecord, State
from shared.withdrawal import Withdrawal
from tests.shared.builders import after
from tests.shared.ledger_memory import KeptRows
from tests.shared.queue_memory import KeptTexts
from tests.shared.test_request_status import call, row, told


class Desk:
    """Takes requests back, and keeps what that leaves behind."""

    def __init__(self, record: CancellationRecord, queue_trouble: Exception | None = None) -> None:
        self.ledger = KeptRows()
        self.ledger.insert(record)
        self.queue = KeptTexts(queue_trouble)

    def withdraw(self) -> dict[str, Any]:
        """Take the request back once."""
        desk = Withdrawal(ledger=self.ledger, pending=self.queue, clock=lambda: after(9))
        answered = desk.withdraw(call())
        assert answered.status_code == 200
        return told(answered)

    @property
    def queued(self) -> list[PendingCancellation]:
        """The messages that will bring the mail."""
        return [from_json(text, PendingCancellation) for text in self.queue.texts]


def test_a_request_that_was_not_sent_ends_as_withdrawn_and_is_mailed() -> None:
    desk = Desk(row())
    assert desk.withdraw()["outcome"] == "withdrawn"
    last = desk.ledger.versions[-1]
    assert last.outcome == Outcome(name=OutcomeName.WITHDRAWN, at=after(9))
    assert (last.state, last.pending_queued) == (State.ENDED, True)
    [message] = desk.queued
    assert (message.outcome, message.notification_emails) == (last.outcome, ("ana@contoso.com",))


def test_the_row_is_ended_before_anything_is_put_on_a_queue() -> None:
    desk = Desk(row(), queue_trouble=StorageUnavailableError("queue: ServerBusy"))
    with pytest.raises(ProblemError) as raised:
        desk.withdraw()
    assert raised.value.status_code == 503
    assert desk.ledger.versions[-1].outcome is not None


def test_once_more_puts_what_was_not_put_and_no_more() -> None:
    withdrawn = Outcome(name=OutcomeName.WITHDRAWN, at=after(8))
    desk = Desk(row(outcome=withdrawn, state=State.ENDED))
    assert [desk.withdraw()["outcome"] for _ in range(3)] == ["withdrawn"] * 3
    assert len(desk.queued) == 1
    assert desk.ledger.versions[-1].outcome == withdrawn


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"post_sent_at": after(2), "state": State.SUBMITTING}, "has been sent"),
        ({"pending_queued": True, "state": State.PENDING}, "has been sent"),
        (
            {"outcome": Outcome(name=OutcomeName.CANCELED, at=after(5)), "pending_queued": True},
            "has ended as canceled",
        ),
    ],
    ids=["sent", "pending", "ended"],
)
def test_what_may_have_been_sent_or_has_ended_is_not_taken_back(
    changes: dict[str, Any], said: str
) -> None:
    desk = Desk(row(**changes))
    with pytest.raises(ProblemError, match=said) as raised:
        desk.withdraw()
    assert (raised.value.status_code, raised.value.code) == (409, "Conflict")
    assert (len(desk.ledger.versions), desk.queued) == (1, [])


def test_a_worker_that_writes_first_is_seen() -> None:
    desk = Desk(row())
    sent = row(post_sent_at=after(8), state=State.SUBMITTING)
    stale = desk.ledger.versions[-1]

    class Overtaken(KeptRows):
        """A worker writes between the read and the write."""

        def replace(self, record: CancellationRecord) -> CancellationRecord:
            if len(self.versions) == 1:
                super().replace(stale.with_step(after(8), "cancel-sending", post_sent_at=after(8)))
            return super().replace(record)

    ledger = Overtaken()
    ledger.versions = desk.ledger.versions
    desk.ledger = ledger
    with pytest.raises(ProblemError, match="has been sent"):
        desk.withdraw()
    assert desk.ledger.versions[-1].post_sent_at == sent.post_sent_at
