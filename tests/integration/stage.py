"""The app's domain on real parts: Azurite, the simulator, an SMTP server, and one clock."""

import contextlib
import json
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from azure.data.tables import TableClient

from devstack.mailbox import Mailbox, ReceivedMail
from devstack.partner_center import Call, Simulator, TrueOperation
from shared.ledger import Ledger, TableLedger
from shared.models import PendingCancellation, from_json
from shared.notification.sender import Sender
from shared.notification.smtp import SmtpSender
from shared.notification.smtp_url import parse_smtp_url
from shared.outcome_mail import Mailer, OutcomeMail
from shared.partner_center.client import CloudPartnerPortal
from shared.partner_center.credentials import StaticTokens
from shared.partner_center.protocol import PartnerCenter
from shared.pending_step import PendingStep
from shared.poison import PoisonRecord
from shared.poller import Poller
from shared.queues import Queue, QueuedMessage, StorageQueue
from shared.record import CancellationRecord, Mail
from shared.settings import MailSettings, PolicySettings
from shared.submission import Submission
from shared.sweep import Sweep
from tests.integration.crashes import CrashError, Fate
from tests.integration.hand_time import HandTime, HandTimedQueueClient, Kept

PUBLISHER = "contoso"
REQUESTER = "requester@contoso.com"
POLICY = PolicySettings(poll_concurrency=4)
READ_SECONDS = 10.0
TICK_SECONDS = 15
_LEASE_SECONDS = 600


def fresh_name() -> str:
    """A name for a queue or a table that nothing else uses."""
    return f"t{uuid.uuid4().hex}"


class HandTimedQueue:
    """One queue of the app: the adapter under test on a client that counts the clock's time."""

    def __init__(self, connection_string: str, time: HandTime) -> None:
        """Use a queue of its own; it is created when it is first missed."""
        self.client = HandTimedQueueClient.at(connection_string, fresh_name(), time)
        self.adapter = StorageQueue(self.client)

    @property
    def kept(self) -> list[Kept]:
        """What is on the queue, hidden or not."""
        return self.client.messages

    @property
    def only(self) -> Kept:
        """The one message on the queue."""
        [kept] = self.kept
        return kept

    @property
    def members(self) -> list[dict[str, Any]]:
        """The messages' JSON."""
        return [json.loads(kept.text) for kept in self.kept]


@dataclass
class Cast:
    """Who plays along; a test puts a wrapper that fails, or other settings, in a part's place."""

    ledger: Ledger
    requests: Queue
    pending: Queue
    requests_poison: Queue
    pending_poison: Queue
    partner_center: Callable[[], PartnerCenter]
    mailer: Callable[[], Mailer]
    policy: PolicySettings = field(default_factory=lambda: POLICY)


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

    def policy(self, **changes: Any) -> PolicySettings:
        """The policy, some of its settings set otherwise."""
        return PolicySettings(**{**vars(POLICY), **changes})

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
    def steps(self) -> Callable[[str], list[str]]:
        """The history of a request, by the names of its steps."""
        return lambda request_id: [step.step for step in self.row(request_id).history]

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
        [operation] = [each for each in self.truth() if operation_id in (None, each.id)]
        return operation

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


@contextlib.contextmanager
def staged(
    connection_string: str, simulator: Simulator, time: HandTime, mailbox: Mailbox
) -> Iterator[Stage]:
    """A stage, taken down in the end."""
    stage = Stage(connection_string, simulator, time, mailbox)
    try:
        yield stage
    finally:
        stage.close()
