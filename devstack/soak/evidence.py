"""What can be seen of a stack when all has come to rest: rows, mails, poison, and the truth."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableClient

from devstack.mailbox import ReceivedMail
from devstack.partner_center import CancelCall, TrueOperation
from devstack.soak.asked import Asked
from devstack.soak.offers import PUBLISHER, OfferStory
from devstack.soak.queues import QUEUES, messages_left, queue_of
from devstack.soak.troubles import Trouble
from devstack.stack import DEFAULT_RECIPIENT, Stack
from shared.ledger import TABLE, TableLedger
from shared.models import from_json
from shared.poison import PoisonRecord
from shared.queues import POISON_SUFFIX
from shared.record import CancellationRecord
from shared.settings import PolicySettings

_MOST = 32
_OUT_OF_SIGHT_SECONDS = 3600


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Everything that a soak is judged by.

    Attributes:
        asked: What was asked for.
        rows: The rows, by request id in lower case.
        mails: The mails of each request, by its id, first received first.
        operator_mails: What the people who run it were mailed.
        poison: What is on the poison queues.
        left: How many messages are left on each queue.
        truth: What became of every publish, by offer.
        calls: The cancel calls that were carried out, by offer.
        stories: The story of each offer.
        troubles: What went wrong, and when.
        storage_failures: For each request, when the app said that storage had failed it.
        policy: How patient the app was told to be.
    """

    asked: Sequence[Asked]
    rows: Mapping[str, CancellationRecord]
    mails: Mapping[str, Sequence[ReceivedMail]]
    operator_mails: Sequence[ReceivedMail]
    poison: Sequence[PoisonRecord]
    left: Mapping[str, int]
    truth: Mapping[str, Sequence[TrueOperation]]
    calls: Mapping[str, Sequence[CancelCall]]
    stories: Mapping[str, OfferStory]
    troubles: Sequence[Trouble]
    storage_failures: Mapping[str, Sequence[str]]
    policy: PolicySettings


def has_untold_poison(stack: Stack) -> bool:
    """Whether something lies on a poison queue of which the operator was not told yet."""
    for name in QUEUES:
        with queue_of(stack, name + POISON_SUFFIX) as queue:
            if any('"digestedAt"' not in each.content for each in queue.peek_messages(_MOST)):
                return True
    return False


def rows(stack: Stack) -> dict[str, CancellationRecord]:
    """Every request's row."""
    client = TableClient.from_connection_string(
        stack.storage.connection_string, TABLE, use_env_settings=False
    )
    with client:
        ledger = TableLedger(client)
        keys = ["publisherId", "offerId", "requestId"]
        try:
            listed = list(client.query_entities("requestId ne ''", select=keys))
        except ResourceNotFoundError:
            return {}
        found = [ledger.get(*(str(each[key]) for key in keys)) for each in listed]
    return {row.request_id: row for row in found if row}


def mails_by_request(mails: Sequence[ReceivedMail]) -> dict[str, list[ReceivedMail]]:
    """The mails about requests, each with those about the same one."""
    found: dict[str, list[ReceivedMail]] = defaultdict(list)
    for mail in mails:
        if request_id := mail.message["X-Offer-Cancel-Request"]:
            found[str(request_id)].append(mail)
    return found


def poison(stack: Stack) -> list[PoisonRecord]:
    """What lies on the poison queues; taken out of sight, so only at the very end."""
    records: list[PoisonRecord] = []
    for name in QUEUES:
        with queue_of(stack, name + POISON_SUFFIX) as queue:
            messages = queue.receive_messages(visibility_timeout=_OUT_OF_SIGHT_SECONDS)
            records += [from_json(str(each.content), PoisonRecord) for each in messages]
    return records


def gather(
    stack: Stack, asked: Sequence[Asked], stories: Mapping[str, OfferStory], **rest: Any
) -> Evidence:
    """Look at everything."""
    center, mails = stack.partner_center, stack.mailbox.mails()
    return Evidence(
        asked=asked,
        rows=rows(stack),
        mails=mails_by_request(mails),
        operator_mails=[mail for mail in mails if DEFAULT_RECIPIENT in mail.recipients],
        poison=poison(stack),
        left=messages_left(stack),
        truth={offer: center.truth(PUBLISHER, offer) for offer in stories},
        calls={offer: center.cancel_calls(PUBLISHER, offer) for offer in stories},
        stories=stories,
        policy=PolicySettings.from_env(stack.app_settings()),
        **rest,
    )
