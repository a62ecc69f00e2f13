"""Our real code on the simulated world, built anew for each invocation as after a cold start."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from shared.acceptance import Acceptance
from shared.errors import ConfigurationError
from shared.housekeeping import Housekeeping
from shared.ledger import Ledger
from shared.notification.guarded import GuardedSender
from shared.notification.sender import Sender
from shared.notification.smtp_url import parse_smtp_url
from shared.outcome_mail import Mailer, OutcomeMail
from shared.partner_center.protocol import PartnerCenter
from shared.pending_step import PendingStep
from shared.poison_digest import PoisonDigest
from shared.poison_shelf import PoisonShelf
from shared.poison_watch import PoisonWatch
from shared.poller import Poller
from shared.queues import CANCEL_REQUESTS, PENDING_CANCELLATIONS, Queue
from shared.redrive import Redrive
from shared.settings import MailSettings, PolicySettings
from shared.submission import Submission
from shared.sweep import Sweep
from shared.withdrawal import Withdrawal
from tests.simulation.clock import SimulatedTime
from tests.simulation.turns import Inline, StepExecutor

POLICY = PolicySettings(
    request_ttl=timedelta(minutes=60), confirm_deadline=timedelta(minutes=3), poll_concurrency=4
)
MAIL_SETTINGS = MailSettings(
    sender="cancel@contoso.com",
    smtp=parse_smtp_url("smtp://localhost:25"),
    default_emails=("operator@contoso.com",),
    allowed_domains=frozenset({"contoso.com"}),
)


@dataclass
class Parts:
    """What the app works with; a test that breaks the app on purpose puts others in their place."""

    ledger: Ledger
    requests: Queue
    pending: Queue
    requests_poison: Queue
    pending_poison: Queue
    center: PartnerCenter
    sender: Sender


@dataclass
class Mistakes:
    """Which parts of the settings are wrong for now."""

    in_mail: bool = False
    in_partner_center: bool = False


class App:
    """The functions and the operator's command, as ``wiring`` builds them."""

    def __init__(
        self,
        parts: Parts,
        time: SimulatedTime,
        policy: PolicySettings,
        mistakes: Mistakes,
        steps: StepExecutor | None = None,
        new_id: Callable[[], UUID] = uuid4,
    ) -> None:
        self._new_id = new_id
        self._parts, self._time, self._policy = parts, time, policy
        self._mistakes, self._steps = mistakes, steps or Inline()
        most = max(1, policy.poll_concurrency // 2)
        self._sender = GuardedSender(parts.sender, most=most, clock=time)
        self._known: dict[str, Any] = {"policy": policy, "clock": time}

    @property
    def acceptance(self) -> Acceptance:
        return Acceptance(
            ledger=self._parts.ledger,
            requests=self._parts.requests,
            mail_settings=self._mail_settings,
            new_id=self._new_id,
            **self._known,
        )

    @property
    def withdrawal(self) -> Withdrawal:
        return Withdrawal(ledger=self._parts.ledger, pending=self._parts.pending, clock=self._time)

    @property
    def submission(self) -> Submission:
        return Submission(
            ledger=self._parts.ledger,
            requests=self._parts.requests,
            pending=self._parts.pending,
            poison=self._parts.requests_poison,
            partner_center=self._center,
            **self._known,
        )

    @property
    def poller(self) -> Poller:
        step = PendingStep(
            ledger=self._parts.ledger,
            queue=self._parts.pending,
            poison=self._parts.pending_poison,
            partner_center=self._center,
            outcome_mail=OutcomeMail(
                ledger=self._parts.ledger, mailer=self._mailer, clock=self._time
            ),
            read_seconds=40.0,
            monotonic=self._time.monotonic,
            **self._known,
        )
        return Poller(
            queue=self._parts.pending,
            step=step,
            executor=self._steps,
            policy=self._policy,
            wait=self._steps.wait,
            monotonic=self._time.monotonic,
        )

    @property
    def housekeeping(self) -> Housekeeping:
        sweep = Sweep(
            ledger=self._parts.ledger,
            pending=self._parts.pending,
            mailer=self._mailer,
            **self._known,
        )
        watches = (self._watch(name, poison) for name, poison in self._poison.items())
        digest = PoisonDigest(shelf=self.shelf, mailer=self._mailer, clock=self._time)
        tasks = (sweep.run, *(watch.run for watch in watches), digest.run)
        return Housekeeping(tasks, self._time)

    @property
    def shelf(self) -> PoisonShelf:
        return PoisonShelf(self._poison)

    @property
    def redrive(self) -> Redrive:
        return Redrive(
            ledger=self._parts.ledger,
            queues={
                CANCEL_REQUESTS: self._parts.requests,
                PENDING_CANCELLATIONS: self._parts.pending,
            },
            **self._known,
        )

    @property
    def _poison(self) -> dict[str, Queue]:
        return {
            CANCEL_REQUESTS: self._parts.requests_poison,
            PENDING_CANCELLATIONS: self._parts.pending_poison,
        }

    def _watch(self, queue_name: str, poison: Queue) -> PoisonWatch:
        return PoisonWatch(
            queue_name=queue_name,
            poison=poison,
            pending=self._parts.pending,
            ledger=self._parts.ledger,
            clock=self._time,
        )

    def _center(self) -> PartnerCenter:
        if self._mistakes.in_partner_center:
            raise ConfigurationError("Partner Center", ("PARTNER_CENTER_TENANT_ID is missing",))
        return self._parts.center

    def _mail_settings(self) -> MailSettings:
        if self._mistakes.in_mail:
            raise ConfigurationError("Mail", ("NOTIFICATION_SENDER is missing",))
        return MAIL_SETTINGS

    def _mailer(self) -> Mailer:
        return Mailer(self._mail_settings(), self._sender)
