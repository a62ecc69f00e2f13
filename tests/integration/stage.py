"""The app's domain on real parts: Azurite, the simulator, an SMTP server, and one clock."""

import contextlib
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from azure.data.tables import TableClient

from devstack.mailbox import Mailbox, ReceivedMail
from devstack.partner_center import Call, Simulator, TrueOperation
from shared.ledger import TableLedger
from shared.models import PendingCancellation, from_json
from shared.notification.sender import Sender
from shared.notification.smtp import SmtpSender
from shared.notification.smtp_url import parse_smtp_url
from shared.outcome_mail import Mailer, OutcomeMail
from shared.partner_center.client import CloudPartnerPortal
from shared.partner_center.credentials import StaticTokens
from shared.pending_step import PendingStep
from shared.poison import PoisonRecord
from shared.poller import Poller
from shared.queues import QueuedMessage
from shared.record import CancellationRecord, Mail
from shared.settings import MailSettings
from shared.submission import Submission
from shared.sweep import Sweep
from tests.integration.crashes import CrashError, Fate
from tests.integration.hand_time import HandTime
from tests.integration.parts import POLICY, Cast, HandTimedQueue, fresh_name

PUBLISHER = "contoso"
REQUESTER = "requester@contoso.com"
READ_SECONDS = 10.0
TICK_SECONDS = 15
_LEASE_SECONDS = 600


class Stage:
    """Everything that one test needs for one offer, and the host's part in it."""

    def __init__(
        self, connection_string: str, simulator: Simulator, time: HandTime, mailbox: Mailbox
    ) -> None:
        """Set up queues and a table of its own."""
        self.time = time
        self.simulator = simulator
        self.mailbox = mailbox
        self.offer = f"offer-{uuid.uuid4().hex[:12]}"
        self.requests = HandTimedQueue(connection_string, time)
        self.pending = HandTimedQueue(connection_string, time)
        self.requests_poison = HandTimedQueue(connection_string, time)
        self.pending_poison = HandTimedQueue(connection_string, time)
        self.table = TableClient.from_connection_string(
            connection_string, fresh_name(), retry_total=0
        )
        self.ledger = TableLedger(self.table)
        self.mail_settings = MailSettings(
            sender="cancel@contoso.com",
            smtp=parse_smtp_url(mailbox.url),
            default_emails=(),
            allowed_domains=frozenset({"contoso.com"}),
        )
        self.center = self.portal()
        self._executor = ThreadPoolExecutor(2 * POLICY.poll_concurrency)

    def close(self) -> None:
        """Give everything back."""
        self._executor.shutdown()
        for queue in (self.requests, self.pending, self.requests_poison, self.pending_poison):
            queue.client.close()
        self.table.close()

    # --- who plays ---

    def cast(self, **parts: Any) -> Cast:
        """The real parts, but for those that the test brings."""
        real: dict[str, Any] = {
            "ledger": self.ledger,
            "requests": self.requests.adapter,
            "pending": self.pending.adapter,
            "requests_poison": self.requests_poison.adapter,
            "pending_poison": self.pending_poison.adapter,
            "partner_center": lambda: self.center,
            "mailer": self.mailer,
        }
        return Cast(**real | parts)

    def portal(
        self, *, token: str | None = None, read_seconds: float | None = None
    ) -> CloudPartnerPortal:
        """A client of the simulator."""
        return CloudPartnerPortal(
            self.simulator.url,
            StaticTokens(token or self.simulator.token),
            read_seconds=read_seconds or READ_SECONDS,
            cancel_seconds=READ_SECONDS,
            clock=self.time,
        )

    def mailer(self, sender: Sender | None = None, **settings: Any) -> Mailer:
        """A mailer to the mailbox, some of its settings set otherwise."""
        changed = MailSettings(**{**vars(self.mail_settings), **settings})
        return Mailer(changed, sender or SmtpSender(changed.smtp))

    def submission(self, **parts: Any) -> Submission:
        """What the queue trigger calls."""
        cast = self.cast(**parts)
        return Submission(
            ledger=cast.ledger,
            requests=cast.requests,
            pending=cast.pending,
            poison=cast.requests_poison,
            partner_center=cast.partner_center,
            policy=cast.policy,
            clock=self.time,
        )

    def step(self, **parts: Any) -> PendingStep:
        """What the poller does with each message."""
        cast = self.cast(**parts)
        return PendingStep(
            ledger=cast.ledger,
            queue=cast.pending,
            poison=cast.pending_poison,
            partner_center=cast.partner_center,
            outcome_mail=OutcomeMail(ledger=cast.ledger, mailer=cast.mailer, clock=self.time),
            policy=cast.policy,
            read_seconds=READ_SECONDS,
            clock=self.time,
        )

    def poller(self, **parts: Any) -> Poller:
        """What the timer trigger calls."""
        cast = self.cast(**parts)
        return Poller(
            queue=cast.pending,
            step=self.step(**parts),
            executor=self._executor,
            policy=cast.policy,
        )

    def sweep(self, **parts: Any) -> None:
        """Look over the open rows once."""
        cast = self.cast(**parts)
        Sweep(
            ledger=cast.ledger,
            pending=cast.pending,
            mailer=cast.mailer,
            policy=cast.policy,
            clock=self.time,
        ).run()

    def under(self, fate: Fate) -> dict[str, Any]:
        """The parts that have effects, under a fate."""
        center = fate.over("center", self.center)
        mailer = self.mailer(fate.over("mail", SmtpSender(self.mail_settings.smtp)))
        return {
            "ledger": fate.over("row", self.ledger),
            "requests": fate.over("requests", self.requests.adapter),
            "pending": fate.over("pending", self.pending.adapter),
            "requests_poison": fate.over("poison", self.requests_poison.adapter),
            "pending_poison": fate.over("poison", self.pending_poison.adapter),
            "partner_center": lambda: center,
            "mailer": lambda: mailer,
        }

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
        [message] = self.requests.adapter.receive(1, _LEASE_SECONDS)
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
        self.time.advance(_LEASE_SECONDS)

    def submit_all(self, **parts: Any) -> int:
        """Let the queue trigger have every request that is due; returns how many."""
        submission, count = self.submission(**parts), 0
        while messages := self.requests.adapter.receive(1, _LEASE_SECONDS):
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
        self.time.advance(2 * _LEASE_SECONDS)

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
        self.time.advance(_LEASE_SECONDS)
        self.submit_all()
        self.poll()
        self.time.advance(_LEASE_SECONDS)
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
