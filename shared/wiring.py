"""Wires what the functions and the commands call, once and when it is first needed."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING

from shared import environment
from shared.models import utc_now
from shared.parts import ledger, listing, mailer, partner_center, queue, read_seconds
from shared.queues import (
    CANCEL_REQUESTS,
    PENDING_CANCELLATIONS,
    POISON_SUFFIX,
    QUEUES,
    StorageQueue,
)
from shared.settings import StorageSettings, WebhookSettings
from shared.storage_clients import queue_client, storage_clock

if TYPE_CHECKING:  # a function that starts cold should load nothing that only others need
    from shared.acceptance import Acceptance
    from shared.page.serving import DutyPage
    from shared.poison_shelf import PoisonShelf
    from shared.poller import Poller
    from shared.redrive import Redrive
    from shared.submission import Submission
    from shared.webhooks.reception import WebhookReception
    from shared.webhooks.secrets import WebhookSecrets
    from shared.withdrawal import Withdrawal


@cache
def acceptance() -> "Acceptance":
    """What ``CancelHttpTrigger`` calls; ``ConfigurationError`` without storage or policy."""
    from shared.acceptance import Acceptance

    return Acceptance(
        ledger=ledger(),
        requests=queue(CANCEL_REQUESTS),
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
        pending=queue(PENDING_CANCELLATIONS),
        clock=utc_now,
        callers=environment.callers(),
    )


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
        requests=queue(CANCEL_REQUESTS),
        pending=queue(PENDING_CANCELLATIONS),
        poison=queue(CANCEL_REQUESTS + POISON_SUFFIX),
        partner_center=partner_center,
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
        queue=queue(PENDING_CANCELLATIONS),
        poison=queue(PENDING_CANCELLATIONS + POISON_SUFFIX),
        partner_center=partner_center,
        outcome_mail=OutcomeMail(ledger=ledger(), mailer=mailer, clock=utc_now),
        policy=environment.policy(),
        read_seconds=read_seconds(),
        clock=utc_now,
    )
    workers = ThreadPoolExecutor(environment.policy().poll_concurrency, thread_name_prefix="poll")
    return Poller(
        queue=queue(PENDING_CANCELLATIONS),
        step=step,
        executor=workers,
        policy=environment.policy(),
    )


@cache
def poison_shelf() -> "PoisonShelf":
    """Both poison queues; ``ConfigurationError`` without storage."""
    from shared.poison_shelf import PoisonShelf

    return PoisonShelf({name: queue(name + POISON_SUFFIX) for name in QUEUES})


@cache
def redrive() -> "Redrive":
    """What puts poisoned messages back; ``ConfigurationError`` without storage or policy."""
    from shared.redrive import Redrive

    return Redrive(
        ledger=ledger(),
        queues={name: queue(name) for name in QUEUES},
        policy=environment.policy(),
        clock=utc_now,
    )
