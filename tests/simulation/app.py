"""Our real code on the simulated world, built anew for each invocation as after a cold start."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from shared.acceptance import Acceptance
from shared.ledger import Ledger
from shared.notification.sender import Sender
from shared.notification.smtp_url import parse_smtp_url
from shared.outcome_mail import Mailer, OutcomeMail
from shared.partner_center.protocol import PartnerCenter
from shared.pending_step import PendingStep
from shared.poison_watch import PoisonWatch
from shared.poller import Poller
from shared.queues import CANCEL_REQUESTS, PENDING_CANCELLATIONS, Queue
from shared.settings import MailSettings, PolicySettings
from shared.submission import Submission
from shared.sweep import Sweep
from tests.simulation.clock import SimulatedTime

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


class Inline(Executor):
    """Works at once; several pollers at once are what there is to interleave."""

    def submit[**P, T](self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class App:
    """The three functions, as ``wiring`` builds them."""

    def __init__(self, parts: Parts, time: SimulatedTime, policy: PolicySettings) -> None:
        self._parts, self._time, self._policy = parts, time, policy
        self._known: dict[str, Any] = {"policy": policy, "clock": time}

    @property
    def acceptance(self) -> Acceptance:
        return Acceptance(
            ledger=self._parts.ledger,
            requests=self._parts.requests,
            mail_settings=lambda: MAIL_SETTINGS,
            **self._known,
        )

    @property
    def submission(self) -> Submission:
        return Submission(
            ledger=self._parts.ledger,
            requests=self._parts.requests,
            pending=self._parts.pending,
            poison=self._parts.requests_poison,
            partner_center=lambda: self._parts.center,
            **self._known,
        )

    @property
    def poller(self) -> Poller:
        step = PendingStep(
            ledger=self._parts.ledger,
            queue=self._parts.pending,
            poison=self._parts.pending_poison,
            partner_center=lambda: self._parts.center,
            outcome_mail=OutcomeMail(
                ledger=self._parts.ledger, mailer=self._mailer, clock=self._time
            ),
            read_seconds=40.0,
            **self._known,
        )
        return Poller(queue=self._parts.pending, step=step, executor=Inline(), policy=self._policy)

    def keep_house(self) -> None:
        """What the timer trigger does once a minute."""
        sweep = Sweep(
            ledger=self._parts.ledger,
            pending=self._parts.pending,
            mailer=self._mailer,
            **self._known,
        )
        sweep.run()
        self._watch(CANCEL_REQUESTS, self._parts.requests_poison).run()
        self._watch(PENDING_CANCELLATIONS, self._parts.pending_poison).run()

    def _watch(self, queue_name: str, poison: Queue) -> PoisonWatch:
        return PoisonWatch(
            queue_name=queue_name,
            poison=poison,
            pending=self._parts.pending,
            ledger=self._parts.ledger,
            clock=self._time,
        )

    def _mailer(self) -> Mailer:
        return Mailer(MAIL_SETTINGS, self._parts.sender)
