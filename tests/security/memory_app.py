"""The app on storage in memory that has the service's limits, and a clock that stands still."""

import io
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from time import monotonic

import msgspec
from requests.structures import CaseInsensitiveDict

from shared.errors import StorageUnavailableError
from shared.notification.sender import Delivery
from shared.notification.smtp_url import parse_smtp_url
from shared.operate.__main__ import main
from shared.operate.tools import Tools
from shared.outcome_mail import Mailer, OutcomeMail
from shared.partner_center.client import CloudPartnerPortal
from shared.partner_center.credentials import StaticTokens
from shared.partner_center.transport import Answer, Exchange
from shared.pending_step import PendingStep
from shared.poison_digest import PoisonDigest
from shared.poison_shelf import PoisonShelf
from shared.poison_watch import PoisonWatch
from shared.queues import CANCEL_REQUESTS, PENDING_CANCELLATIONS
from shared.record import CancellationRecord, Mail
from shared.redrive import Redrive
from shared.settings import MailSettings, PolicySettings
from shared.submission import Submission
from tests.simulation.storage import SimulatedLedger, SimulatedQueue

ORIGIN = "https://partner-center.example"
TOKEN = "the-token-of-the-memory-app"
MAX_PROPERTY_CHARACTERS = 32 * 1024
POLICY = PolicySettings()
MAIL_SETTINGS = MailSettings(
    sender="cancel@contoso.com",
    smtp=parse_smtp_url("smtp://localhost:25"),
    default_emails=("operator@contoso.com",),
    allowed_domains=frozenset({"contoso.com"}),
)


class Clock:
    """A time that moves on by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


class LimitedLedger(SimulatedLedger):
    """Refuses what Table storage refuses."""

    def get(self, publisher_id: str, offer_id: str, request_id: str) -> CancellationRecord | None:
        _check_key(publisher_id, offer_id, request_id)
        return super().get(publisher_id, offer_id, request_id)

    def _write(self, record: CancellationRecord) -> CancellationRecord:
        _check_key(record.publisher_id, record.offer_id, record.request_id)
        for name, value in msgspec.to_builtins(record).items():
            text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
            is_long = len(text.encode("utf-16-le")) > 2 * MAX_PROPERTY_CHARACTERS
            if is_long or (type(value) is int and abs(value) >= 2**31):
                raise StorageUnavailableError(f"PropertyValueTooLarge: {name}")
        return super()._write(record)


def _check_key(*parts: str) -> None:
    if not all(re.fullmatch(r"[^\x00-\x1f\x7f-\x9f/\\#?]{0,200}", part) for part in parts):
        raise StorageUnavailableError("OutOfRangeInput")


class KeptMails:
    """Implements ``Sender``: every mail is accepted for everybody it is handed over for."""

    def __init__(self) -> None:
        self.mails: list[tuple[EmailMessage, tuple[str, ...]]] = []

    def send(self, mail: EmailMessage, recipients: Sequence[str]) -> Delivery:
        mail.as_bytes()
        self.mails.append((mail, tuple(recipients)))
        return Delivery(accepted=tuple(recipients))


class Canceled:
    """Partner Center, where every operation that anybody asks for was canceled."""

    def send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None,
        deadline_seconds: float,
    ) -> Answer:
        kind = path.partition("?")[0].split("/")
        operation_id = kind[-1] if "operations" in kind else ""
        known = f'{{"id": "{operation_id}", "status": "canceled"}}' if operation_id else "[]"
        status = '{"status": "Canceled"}' if kind[-1] == "status" else known
        return Answer(200, CaseInsensitiveDict(), status.encode(), datetime.now(UTC))


class NothingKept:
    """The memory of an app whose checks have never run."""

    def read(self, name: str) -> tuple[str, str]:
        return "", ""

    def write(self, name: str, text: str, version: str) -> str:
        raise AssertionError(f"no check has run, and yet {name} was found: {text}")


class MemoryApp:
    """Both queues with their poison, the rows, the mails, and everything that works on them."""

    def __init__(self, exchange: Exchange | None = None) -> None:
        self.clock = Clock()
        self.ledger = LimitedLedger()
        self.requests, self.pending = self._queue(), self._queue()
        self.requests_poison, self.pending_poison = self._queue(), self._queue()
        self.sent = KeptMails()
        tokens = StaticTokens(TOKEN)
        self.center = CloudPartnerPortal(
            ORIGIN, tokens, clock=self.clock, transport=exchange or Canceled()
        )
        self._poison = {
            CANCEL_REQUESTS: self.requests_poison,
            PENDING_CANCELLATIONS: self.pending_poison,
        }
        self._digest = PoisonDigest(
            shelf=PoisonShelf(self._poison), mailer=self.mailer, clock=self.clock
        )

    def _queue(self) -> SimulatedQueue:
        return SimulatedQueue("a queue", self.clock)

    def mailer(self) -> Mailer:
        return Mailer(MAIL_SETTINGS, self.sent)

    def submit(self) -> None:
        """Let the queue trigger have what is due."""
        submission = Submission(
            ledger=self.ledger,
            requests=self.requests,
            pending=self.pending,
            poison=self.requests_poison,
            partner_center=lambda: self.center,
            policy=POLICY,
            clock=self.clock,
        )
        for message in self.requests.receive(32, 600):
            submission.handle(message)
            self.requests.delete(message)

    def poll(self) -> None:
        """One step of what is due; whatever goes wrong is raised."""
        step = PendingStep(
            ledger=self.ledger,
            queue=self.pending,
            poison=self.pending_poison,
            partner_center=lambda: self.center,
            outcome_mail=OutcomeMail(ledger=self.ledger, mailer=self.mailer, clock=self.clock),
            policy=POLICY,
            read_seconds=10.0,
            clock=self.clock,
        )
        for message in self.pending.receive(32, 120):
            leased = step.open(message, monotonic() + 120)
            if leased is not None:
                step.take(leased)

    def look_after_poison(self) -> None:
        """Notice what is poison, and tell of it; whatever goes wrong is raised."""
        for name, poison in self._poison.items():
            PoisonWatch(
                queue_name=name,
                poison=poison,
                pending=self.pending,
                ledger=self.ledger,
                clock=self.clock,
            ).run()
        self._digest.run()

    def operate(self, *arguments: str) -> str:
        """What a command of the person on duty shows."""
        out = io.StringIO()
        tools = Tools(
            shelf=lambda: PoisonShelf(self._poison),
            redrive=lambda: Redrive(
                ledger=self.ledger,
                queues={CANCEL_REQUESTS: self.requests, PENDING_CANCELLATIONS: self.pending},
                policy=POLICY,
                clock=self.clock,
            ),
            ledger=lambda: self.ledger,
            checks=lambda publisher, offer, mail_to: (),
            check_memory=NothingKept,
            clock=self.clock,
            sleep=lambda seconds: None,
            ask=lambda question: "n",
            out=out,
        )
        main(arguments, tools)
        return out.getvalue()

    @property
    def poisoned(self) -> list[str]:
        """The texts on both poison queues."""
        return [each.text for queue in self._poison.values() for each in queue.stored]

    @property
    def rows(self) -> list[CancellationRecord]:
        return list(self.ledger.rows.values())

    @property
    def all_have_ended(self) -> bool:
        """Whether every row has its outcome, and its mail was dealt with."""
        return all(row.outcome and row.mail not in (Mail.NONE, Mail.SENDING) for row in self.rows)
