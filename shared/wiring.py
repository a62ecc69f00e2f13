"""Builds the real collaborators, once and when they are first needed.

With ``storage_clients`` the only module that knows both the settings and the SDKs. What cannot be
built because a part of the settings is wrong is tried again at the next use, and only that.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import TYPE_CHECKING

from azure.data.tables import TableClient

from shared import environment
from shared.ledger import TABLE, TableLedger
from shared.models import utc_now
from shared.queues import CANCEL_REQUESTS, PENDING_CANCELLATIONS, POISON_SUFFIX, StorageQueue
from shared.settings import PartnerCenterSettings, StorageSettings, WebhookSettings
from shared.storage_clients import queue_client, storage_clock, table_client

if TYPE_CHECKING:  # a function that starts cold should load nothing that only others need
    from shared.acceptance import Acceptance
    from shared.checks import Check
    from shared.housekeeping import Housekeeping
    from shared.listing import Listing
    from shared.memory import TableMemory
    from shared.outcome_mail import Mailer
    from shared.page.serving import DutyPage
    from shared.partner_center.protocol import PartnerCenter
    from shared.poison_shelf import PoisonShelf
    from shared.poller import Poller
    from shared.redrive import Redrive
    from shared.submission import Submission
    from shared.webhooks.reception import WebhookReception
    from shared.webhooks.secrets import WebhookSecrets
    from shared.withdrawal import Withdrawal

_READS_PER_POLL = 3
_QUEUES = (CANCEL_REQUESTS, PENDING_CANCELLATIONS)


@cache
def acceptance() -> "Acceptance":
    """What ``CancelHttpTrigger`` calls; ``ConfigurationError`` without storage or policy."""
    from shared.acceptance import Acceptance

    return Acceptance(
        ledger=ledger(),
        requests=_queue(CANCEL_REQUESTS),
        policy=environment.policy(),
        mail_settings=environment.mail,
        clock=utc_now,
        callers=environment.callers,
    )


@cache
def webhook_reception() -> "WebhookReception":
    """What ``WebhookHttpTrigger`` calls; what settings are wrong shows when it needs them."""
    from shared.webhooks.reception import WebhookReception

    return WebhookReception(acceptance=acceptance, secrets=_webhook_secrets)


@cache
def _webhook_secrets() -> "WebhookSecrets":
    return WebhookSettings.from_env(os.environ).secrets


@cache
def withdrawal() -> "Withdrawal":
    """What ``StatusHttpTrigger`` calls to take a request back; ``ConfigurationError`` likewise."""
    from shared.withdrawal import Withdrawal

    return Withdrawal(
        ledger=ledger(),
        pending=_queue(PENDING_CANCELLATIONS),
        clock=utc_now,
        callers=environment.callers(),
    )


@cache
def listing() -> "Listing":
    """What ``CancellationsHttpTrigger`` reads; ``ConfigurationError`` without storage."""
    from shared.listing import Listing

    return Listing(_table())


@cache
def duty_page() -> "DutyPage":
    """What it shows to browsers; ``ConfigurationError`` without storage or policy."""
    from shared.page.serving import DutyPage

    return DutyPage(
        listing=listing(),
        ledger=ledger(),
        shelf=poison_shelf(),
        callers=environment.callers(),
        policy=environment.policy(),
    )


@cache
def submission() -> "Submission":
    """What ``CancelQueueTrigger`` calls; ``ConfigurationError`` without storage."""
    from shared.submission import Submission

    return Submission(
        ledger=ledger(),
        requests=_queue(CANCEL_REQUESTS),
        pending=_queue(PENDING_CANCELLATIONS),
        poison=_queue(CANCEL_REQUESTS + POISON_SUFFIX),
        partner_center=_partner_center,
        policy=environment.policy_or_default(),
        clock=utc_now,
        on_our_clock=storage_clock().ours,
    )


@cache
def cancel_requests() -> StorageQueue:
    """The queue alone, for putting back what nothing else can be had for."""
    return StorageQueue(
        queue_client(StorageSettings.from_env(os.environ, needs_table=False), CANCEL_REQUESTS)
    )


@cache
def poller() -> "Poller":
    """What ``PollTimerTrigger`` calls; ``ConfigurationError`` without storage or policy."""
    from shared.outcome_mail import OutcomeMail
    from shared.pending_step import PendingStep
    from shared.poller import Poller

    step = PendingStep(
        ledger=ledger(),
        queue=_queue(PENDING_CANCELLATIONS),
        poison=_queue(PENDING_CANCELLATIONS + POISON_SUFFIX),
        partner_center=_partner_center,
        outcome_mail=OutcomeMail(ledger=ledger(), mailer=_mailer, clock=utc_now),
        policy=environment.policy(),
        read_seconds=_read_seconds(),
        clock=utc_now,
    )
    workers = ThreadPoolExecutor(environment.policy().poll_concurrency, thread_name_prefix="poll")
    queue = _queue(PENDING_CANCELLATIONS)
    return Poller(queue=queue, step=step, executor=workers, policy=environment.policy())


@cache
def poison_shelf() -> "PoisonShelf":
    """Both poison queues; ``ConfigurationError`` without storage."""
    from shared.poison_shelf import PoisonShelf

    return PoisonShelf({name: _queue(name + POISON_SUFFIX) for name in _QUEUES})


@cache
def redrive() -> "Redrive":
    """What puts poisoned messages back; ``ConfigurationError`` without storage or policy."""
    from shared.redrive import Redrive

    return Redrive(
        ledger=ledger(),
        queues={name: _queue(name) for name in _QUEUES},
        policy=environment.policy(),
        clock=utc_now,
    )


def checks(publisher_id: str = "", offer_id: str = "", mail_to: str = "") -> "tuple[Check, ...]":
    """What can be checked; a part whose settings are wrong fails in its own checks.

    Args:
        publisher_id: Whose offer to read; empty for the first that is served here.
        offer_id: Which offer to read; empty for one that hardly exists.
        mail_to: Who gets a test mail; empty for nobody.
    """
    from shared.checks import mail_check, partner_center_checks, storage_checks, trial_mail_check

    read_from = publisher_id or min(environment.policy_or_default().allowed_publishers, default="")
    queues = (*_QUEUES, *(name + POISON_SUFFIX for name in _QUEUES))
    return (
        *partner_center_checks(_token, _partner_center, read_from, offer_id),
        *storage_checks(
            {**{name: partial(_try_queue, name) for name in queues}, TABLE: _try_table}
        ),
        mail_check(_log_in_to_mail),
        *([trial_mail_check(partial(_send_test_mail, mail_to))] if mail_to else []),
    )


def check_memory() -> "TableMemory":
    """Where the app keeps what its checks found; ``ConfigurationError`` without storage."""
    return _memory()


def _token() -> str:
    from shared.partner_center.credentials import tokens_for

    return tokens_for(PartnerCenterSettings.from_env(os.environ)).current()


def _try_queue(name: str) -> None:
    _queue(name).try_out()


def _try_table() -> None:
    from shared.memory import PARTITION

    ledger().get(PARTITION, "", "")  # reads, and makes a table that is missing
    _memory().try_out()


def _log_in_to_mail() -> None:
    from shared.mail_senders import log_in

    log_in(environment.mail())


def _send_test_mail(recipient: str) -> None:
    from shared.check_mail import send_test_mail
    from shared.mail_senders import sender_for

    send_test_mail(environment.mail(), sender_for, recipient, utc_now())


@cache
def housekeeping() -> "Housekeeping":
    """What ``PollTimerTrigger`` calls after polling."""
    from shared.check_watch import LOOK_EVERY, CheckWatch
    from shared.gauges import Gauges, Tally
    from shared.housekeeping import Housekeeping, SeldomTask
    from shared.poison_digest import PoisonDigest
    from shared.poison_watch import PoisonWatch
    from shared.retention import Retention
    from shared.sweep import Sweep

    pending, tally = _queue(PENDING_CANCELLATIONS), Tally()
    sweep = Sweep(
        ledger=ledger(),
        pending=pending,
        mailer=_mailer,
        policy=environment.policy(),
        clock=utc_now,
        tally=tally,
    )
    gauges = Gauges(
        requests=_queue(CANCEL_REQUESTS),
        pending=pending,
        poison=[_queue(name + POISON_SUFFIX) for name in _QUEUES],
        tally=tally,
        clock=utc_now,
    )
    watches = (
        PoisonWatch(
            queue_name=name,
            poison=_queue(name + POISON_SUFFIX),
            pending=pending,
            ledger=ledger(),
            clock=utc_now,
        )
        for name in _QUEUES
    )
    digest = PoisonDigest(shelf=poison_shelf(), mailer=_mailer, clock=utc_now)
    retention = Retention(
        listing=listing(), ledger=ledger(), keep=environment.policy().retention, clock=utc_now
    )
    check_watch = CheckWatch(checks=checks, memory=_memory(), mailer=_mailer, clock=utc_now)
    tasks: tuple[Callable[[], None], ...] = (
        # First, since it does not fail when storage does: it says what is wrong with it.
        SeldomTask(check_watch.run_if_due, every=LOOK_EVERY, clock=utc_now),
        sweep.run,
        gauges.run,
        *(watch.run for watch in watches),
        digest.run,
        retention.run_if_due,
    )
    return Housekeeping(tasks, utc_now)


@cache
def _mailer() -> "Mailer":
    settings = environment.mail()
    from shared.mail_senders import sender_for
    from shared.notification.guarded import GuardedSender
    from shared.outcome_mail import Mailer

    # Whatever the mail server does, half of the workers go on polling.
    most = max(1, environment.policy().poll_concurrency // 2)
    sender = GuardedSender(sender_for(settings), most=most, clock=utc_now)
    return Mailer(settings, sender)


@cache
def _partner_center() -> "PartnerCenter":
    read_seconds = _read_seconds()
    settings = PartnerCenterSettings.from_env(os.environ)
    from shared.partner_center.client import CloudPartnerPortal  # loads requests
    from shared.partner_center.credentials import tokens_for

    return CloudPartnerPortal(settings.url, tokens_for(settings), read_seconds=read_seconds)


def _read_seconds() -> float:
    """How long a read may take: all of one poll have to end before its lease does."""
    return min(40.0, environment.policy().poll_lease.total_seconds() / _READS_PER_POLL)


@cache
def _queue(name: str) -> StorageQueue:
    return StorageQueue(queue_client(environment.storage(), name))


@cache
def ledger() -> TableLedger:
    """Every request's row; ``ConfigurationError`` without storage."""
    return TableLedger(_table())


@cache
def _memory() -> "TableMemory":
    from shared.memory import TableMemory

    return TableMemory(_table())


@cache
def _table() -> TableClient:
    return table_client(environment.storage())
