"""Builds the real collaborators, once and when they are first needed.

The only module that knows both the settings and the SDKs. What cannot be built because a part of
the settings is wrong is tried again at the next use; nothing else waits for it.
"""

import os
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import cache
from typing import Any

from azure.core.pipeline.transport import RequestsTransport
from azure.data.tables import TableClient
from azure.storage.queue import QueueClient

from shared.acceptance import Acceptance
from shared.errors import ConfigurationError
from shared.housekeeping import Housekeeping
from shared.ledger import TABLE, TableLedger
from shared.models import utc_now
from shared.outcome_mail import Mailer, OutcomeMail
from shared.partner_center.protocol import PartnerCenter
from shared.pending_step import PendingStep
from shared.poison_watch import PoisonWatch
from shared.poller import Poller
from shared.queues import CANCEL_REQUESTS, PENDING_CANCELLATIONS, POISON_SUFFIX, StorageQueue
from shared.settings import MailSettings, PartnerCenterSettings, PolicySettings, StorageSettings
from shared.submission import Submission
from shared.sweep import Sweep

# An accept makes three calls and must answer within 10 s; SDK retries would sleep for minutes.
_STORAGE_BOUNDS: dict[str, Any] = {
    "retry_total": 0,
    "connection_timeout": 1.5,
    "read_timeout": 3,
    "logging_enable": False,
}
_READS_PER_POLL = 3


@cache
def acceptance() -> Acceptance:
    """What ``CancelHttpTrigger`` calls; ``ConfigurationError`` without storage or policy."""
    return Acceptance(
        ledger=_ledger(),
        requests=_queue(CANCEL_REQUESTS),
        policy=_policy(),
        mail_settings=_mail_settings,
        clock=utc_now,
    )


@cache
def submission() -> Submission:
    """What ``CancelQueueTrigger`` calls; ``ConfigurationError`` without storage."""
    return Submission(
        ledger=_ledger(),
        requests=_queue(CANCEL_REQUESTS),
        pending=_queue(PENDING_CANCELLATIONS),
        poison=_queue(CANCEL_REQUESTS + POISON_SUFFIX),
        partner_center=_partner_center,
        policy=_policy_or_default(),
        clock=utc_now,
    )


@cache
def poller() -> Poller:
    """What ``PollTimerTrigger`` calls; ``ConfigurationError`` without storage or policy."""
    step = PendingStep(
        ledger=_ledger(),
        queue=_queue(PENDING_CANCELLATIONS),
        poison=_queue(PENDING_CANCELLATIONS + POISON_SUFFIX),
        partner_center=_partner_center,
        outcome_mail=OutcomeMail(ledger=_ledger(), mailer=_mailer, clock=utc_now),
        policy=_policy(),
        read_seconds=_read_seconds(),
        clock=utc_now,
    )
    return Poller(
        queue=_queue(PENDING_CANCELLATIONS), step=step, executor=_executor(), policy=_policy()
    )


@cache
def housekeeping() -> Housekeeping:
    """What ``PollTimerTrigger`` calls after polling."""
    pending = _queue(PENDING_CANCELLATIONS)
    sweep = Sweep(
        ledger=_ledger(), pending=pending, mailer=_mailer, policy=_policy(), clock=utc_now
    )
    watches = (_poison_watch(name, pending) for name in (CANCEL_REQUESTS, PENDING_CANCELLATIONS))
    return Housekeeping((sweep.run, *(watch.run for watch in watches)), utc_now)


def _poison_watch(queue_name: str, pending: StorageQueue) -> PoisonWatch:
    return PoisonWatch(
        queue_name=queue_name,
        poison=_queue(queue_name + POISON_SUFFIX),
        pending=pending,
        ledger=_ledger(),
        clock=utc_now,
    )


@cache
def _executor() -> Executor:
    return ThreadPoolExecutor(_policy().poll_concurrency, thread_name_prefix="poll")


@cache
def _policy() -> PolicySettings:
    return PolicySettings.from_env(os.environ)


def _policy_or_default() -> PolicySettings:
    """For putting requests back while the policy is wrong; Partner Center cannot be had then."""
    try:
        return _policy()
    except ConfigurationError:
        return PolicySettings()


@cache
def _storage() -> StorageSettings:
    return StorageSettings.from_env(os.environ)


@cache
def _mail_settings() -> MailSettings:
    return MailSettings.from_env(os.environ)


@cache
def _mailer() -> Mailer:
    settings = _mail_settings()
    from shared.notification.smtp import SmtpSender  # loads smtplib and email

    return Mailer(settings, SmtpSender(settings.smtp))


@cache
def _partner_center() -> PartnerCenter:
    read_seconds = _read_seconds()
    settings = PartnerCenterSettings.from_env(os.environ)
    from shared.partner_center.client import CloudPartnerPortal  # loads requests
    from shared.partner_center.credentials import tokens_for

    return CloudPartnerPortal(settings.url, tokens_for(settings), read_seconds=read_seconds)


def _read_seconds() -> float:
    """How long a read may take: all of one poll have to end before its lease does."""
    return min(40.0, _policy().poll_lease.total_seconds() / _READS_PER_POLL)


@cache
def _credential() -> Any:
    from azure.identity import ManagedIdentityCredential

    return ManagedIdentityCredential(client_id=_storage().client_id or None, retry_total=1)


def _bounds() -> dict[str, Any]:
    """A transport of its own: the environment's proxies and ``.netrc`` are none of ours."""
    return {**_STORAGE_BOUNDS, "transport": RequestsTransport(use_env_settings=False)}


@cache
def _queue(name: str) -> StorageQueue:
    storage = _storage()
    if storage.connection_string:
        client = QueueClient.from_connection_string(storage.connection_string, name, **_bounds())
    else:
        client = QueueClient(storage.queue_service_uri, name, credential=_credential(), **_bounds())
    return StorageQueue(client)


@cache
def _ledger() -> TableLedger:
    storage = _storage()
    if storage.connection_string:
        client = TableClient.from_connection_string(storage.connection_string, TABLE, **_bounds())
    else:
        client = TableClient(
            storage.table_service_uri, TABLE, credential=_credential(), **_bounds()
        )
    return TableLedger(client)
