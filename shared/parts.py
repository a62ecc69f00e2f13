"""The real parts that several functions are made of, built once and when they are first needed.

What cannot be built because a part of the settings is wrong is tried again at the next use, and
only that: everything here raises ``ConfigurationError`` until it is mended.
"""

import os
from functools import cache
from typing import TYPE_CHECKING

from azure.data.tables import TableClient

from shared import environment
from shared.ledger import TableLedger
from shared.models import utc_now
from shared.queues import StorageQueue
from shared.settings import PartnerCenterSettings
from shared.storage_clients import queue_client, table_client

if TYPE_CHECKING:  # a function that starts cold should load nothing that only others need
    from shared.listing import Listing
    from shared.outcome_mail import Mailer
    from shared.partner_center.protocol import PartnerCenter

_READS_PER_POLL = 3


@cache
def mailer() -> "Mailer":
    """Who mails, by whichever way the settings name."""
    settings = environment.mail()
    from shared.mail_senders import sender_for
    from shared.notification.guarded import GuardedSender
    from shared.outcome_mail import Mailer

    # Whatever the mail server does, half of the workers go on polling.
    most = max(1, environment.policy().poll_concurrency // 2)
    sender = GuardedSender(sender_for(settings), most=most, clock=utc_now)
    return Mailer(settings, sender)


@cache
def partner_center() -> "PartnerCenter":
    """Partner Center, with tokens of its own."""
    reads = read_seconds()
    settings = PartnerCenterSettings.from_env(os.environ)
    from shared.partner_center.client import CloudPartnerPortal  # loads requests
    from shared.partner_center.credentials import tokens_for

    return CloudPartnerPortal(settings.url, tokens_for(settings), read_seconds=reads)


def read_seconds() -> float:
    """How long a read may take: all of one poll have to end before its lease does."""
    return min(40.0, environment.policy().poll_lease.total_seconds() / _READS_PER_POLL)


@cache
def queue(name: str) -> StorageQueue:
    """A queue of the business storage."""
    return StorageQueue(queue_client(environment.storage(), name))


@cache
def ledger() -> TableLedger:
    """Every request's row."""
    return TableLedger(table())


@cache
def listing() -> "Listing":
    """What lists show of the requests."""
    from shared.listing import Listing

    return Listing(table())


@cache
def table() -> TableClient:
    """The one table, retried and bounded as ``storage_clients`` has it."""
    return table_client(environment.storage())
