"""Builds the app's domain on real parts, or on those that a test brings."""

import ssl
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from azure.data.tables import TableClient

from devstack.mailbox import Mailbox
from devstack.partner_center import Simulator
from shared.ledger import TableLedger
from shared.notification.guarded import GuardedSender
from shared.notification.sender import Sender
from shared.notification.smtp import SmtpSender
from shared.notification.smtp_url import parse_smtp_url
from shared.outcome_mail import Mailer, OutcomeMail
from shared.partner_center.client import CloudPartnerPortal
from shared.partner_center.credentials import StaticTokens
from shared.pending_step import PendingStep
from shared.poller import Poller
from shared.settings import MailSettings
from shared.submission import Submission
from shared.sweep import Sweep
from tests.integration.crashes import Fate
from tests.integration.hand_time import HandTime
from tests.integration.parts import POLICY, Cast, HandTimedQueue, fresh_name

PUBLISHER = "contoso"
REQUESTER = "requester@contoso.com"
READ_SECONDS = 10.0
LEASE_SECONDS = 600
_TLS = ssl.create_default_context()  # reading the system's certificates takes its time


class Backstage:
    """The app's parts on queues and a table of their own, for one offer."""

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
        self.smtp_sender = self.guarded(SmtpSender(self.mail_settings.server, tls_context=_TLS))
        self.center = self.portal()
        self._executor = ThreadPoolExecutor(2 * POLICY.poll_concurrency)

    def close(self) -> None:
        """Give everything back."""
        self._executor.shutdown()
        for queue in (self.requests, self.pending, self.requests_poison, self.pending_poison):
            queue.client.close()
        self.table.close()

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
        return Mailer(changed, sender or self.smtp_sender)

    def guarded(self, sender: Sender) -> GuardedSender:
        """The sender as the app has it: half of the poller's workers may be mailing."""
        return GuardedSender(sender, most=POLICY.poll_concurrency // 2, clock=self.time)

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
            on_our_clock=cast.on_our_clock,
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
        mailer = self.mailer(fate.over("mail", self.smtp_sender))
        return {
            "ledger": fate.over("row", self.ledger),
            "requests": fate.over("requests", self.requests.adapter),
            "pending": fate.over("pending", self.pending.adapter),
            "requests_poison": fate.over("poison", self.requests_poison.adapter),
            "pending_poison": fate.over("poison", self.pending_poison.adapter),
            "partner_center": lambda: center,
            "mailer": lambda: mailer,
        }
