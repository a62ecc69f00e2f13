"""The app's domain on real parts: Azurite, the simulator, an SMTP server, and one clock."""

import contextlib
import json
import uuid
from datetime import timedelta
from typing import Any

from devstack.mailbox import ReceivedMail
from devstack.partner_center import Call, TrueOperation
from shared.models import PendingCancellation, from_json
from shared.poison import PoisonRecord
from shared.queues import QueuedMessage
from shared.record import CancellationRecord, Mail
from tests.integration.backstage import LEASE_SECONDS, PUBLISHER, REQUESTER, Backstage
from tests.integration.crashes import CrashError, Fate
from tests.integration.parts import HandTimedQueue

__all__ = ["PUBLISHER", "REQUESTER", "TICK_SECONDS", "Stage", "a_pending"]

TICK_SECONDS = 15


class Stage(Backstage):
    """Everything that one test needs for one offer, and the host's part in it."""

    # --- what happens ---

    def given(self, scenario: str, **knobs: object) -> None:
        """The offer comes to life in a scenario."""
        self.simulator.create_offer(PUBLISHER, self.offer, scenario, **knobs)

    def ask(self, **members: Any) -> str:
        """Put a request on the queue as another service would; returns its id."""
        request_id = str(uuid.uuid4())
        message = {
            "publisherId": PUBLISHER,
            "offerId": self.offer,
            "requestId": request_id,
            "metadata": {"notification-emails": REQUESTER},
            **members,
        }
        self.requests.adapter.put(json.dumps(message))
        return str(message["requestId"])

    def received(self) -> QueuedMessage:
        """Receive the next request that is due, as the host does."""
        [message] = self.requests.adapter.receive(1, LEASE_SECONDS)
        return message

    def submit(self, **parts: Any) -> QueuedMessage:
        """Let the queue trigger have the next request that is due."""
        message = self.received()
        self.submission(**parts).handle(message)
        self.requests.adapter.delete(message)
        return message

    def submit_and_die(self, fate: Fate) -> None:
        """Let the queue trigger have the next request, and die of it; its lease ends."""
        with contextlib.suppress(CrashError):
            self.submission(**self.under(fate)).handle(self.received())
        assert fate.has_struck
        self.time.advance(LEASE_SECONDS)

    def submit_all(self, **parts: Any) -> int:
        """Let the queue trigger have every request that is due; returns how many."""
        submission, count = self.submission(**parts), 0
        while messages := self.requests.adapter.receive(1, LEASE_SECONDS):
            submission.handle(messages[0])
            self.requests.adapter.delete(messages[0])
            count += 1
        return count

    def poll(self, **parts: Any) -> None:
        """One run of the timer trigger's poller."""
        self.poller(**parts).run()

    def poll_and_die(self, fate: Fate) -> None:
        """One run of the poller, whose worker dies; every lease and claim ends."""
        self.poll(**self.under(fate))
        assert fate.has_struck
        self.time.advance(2 * LEASE_SECONDS)

    def pend(self, **request: Any) -> str:
        """A request whose cancel call was taken, with its first poll due now."""
        request_id = self.ask(**request)
        self.submit_all()
        self.time.advance(TICK_SECONDS)
        return request_id

    def play(self, seconds: float, **parts: Any) -> None:
        """Let time pass, tick by tick, with everything that happens in it."""
        for _ in range(max(1, round(seconds / TICK_SECONDS))):
            self.time.advance(TICK_SECONDS)
            self.submit_all(**parts)
            self.poll(**parts)

    def play_after(self) -> None:
        """Let twins and late messages come that a request may have left behind."""
        self.time.advance(LEASE_SECONDS)
        self.submit_all()
        self.poll()
        self.time.advance(LEASE_SECONDS)
        self.poll()

    def play_out(self, request_id: str, minutes: float = 30, **parts: Any) -> CancellationRecord:
        """Let time pass until the request has its outcome and its mail."""
        self.submit_all(**parts)
        for _ in range(round(minutes * 60 / TICK_SECONDS)):
            self.poll(**parts)
            row = self.find(request_id)
            if row and row.outcome and row.mail not in (Mail.NONE, Mail.SENDING):
                return row
            self.time.advance(TICK_SECONDS)
            self.submit_all(**parts)
        raise AssertionError(f"no outcome and mail within {minutes} minutes: {row}")

    # --- what is to be seen ---

    def find(self, request_id: str) -> CancellationRecord | None:
        """The request's row, if it has one."""
        return self.ledger.get(PUBLISHER, self.offer, request_id)

    def row(self, request_id: str) -> CancellationRecord:
        """The request's row."""
        row = self.find(request_id)
        assert row is not None
        return row

    def outcome(self, request_id: str) -> str:
        """How the request ended, as its row has it; empty while it is open."""
        row = self.row(request_id)
        return row.outcome.name.value if row.outcome else ""

    @property
    def pending_now(self) -> PendingCancellation:
        """The one pending cancellation."""
        return from_json(self.pending.only.text, PendingCancellation)

    def poison(self, queue: HandTimedQueue) -> PoisonRecord:
        """The one record on a poison queue."""
        return from_json(queue.only.text, PoisonRecord)

    def mails(self) -> list[ReceivedMail]:
        """What arrived about this offer."""
        return [mail for mail in self.mailbox.mails() if self.offer in mail.text]

    @property
    def mail(self) -> ReceivedMail:
        """The one mail about this offer."""
        [mail] = self.mails()
        return mail

    def truth(self) -> list[TrueOperation]:
        """What truly became of every publish of the offer, oldest first."""
        return self.simulator.truth(PUBLISHER, self.offer)

    @property
    def target(self) -> TrueOperation:
        """The first publish of the offer."""
        return self.truth()[0]

    def truth_of(self, operation_id: str | None) -> TrueOperation:
        """One publish; the only one where nobody knows its id."""
        return next(each for each in self.truth() if operation_id in (None, each.id))

    def calls(self) -> list[Call]:
        """Every call about the offer."""
        return self.simulator.calls(PUBLISHER, self.offer)

    @property
    def posts(self) -> list[Call]:
        """Every cancel call about the offer."""
        return [call for call in self.calls() if call.path.endswith("/cancel")]

    def ago(self, seconds: float) -> str:
        """A time before now, as JSON has it."""
        return (self.time() - timedelta(seconds=seconds)).isoformat()


def a_pending(stage: Stage, **members: Any) -> PendingCancellation:
    """A pending cancellation of the offer's first publish, as the app or as anybody makes it."""
    facts: dict[str, Any] = {
        "request_id": str(uuid.uuid4()),
        "publisher_id": PUBLISHER,
        "offer_id": stage.offer,
        "requested_at": stage.time() - timedelta(minutes=1),
        "post_sent_at": stage.time(),
        "target_operation_id": stage.target.id,
        "notification_emails": (REQUESTER,),
    }
    return PendingCancellation(**facts | members)
