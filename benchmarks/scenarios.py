"""One cancellation in each scenario, through the local host, every call of it counted."""

import re
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

import requests
from azure.storage.queue import QueueClient

from benchmarks.population import EMAIL, PUBLISHER
from benchmarks.wire import Exchange, Wire
from devstack.stack import Stack
from shared.models import to_json
from shared.queues import CANCEL_REQUESTS

_OFFER = re.compile(r"counted-[0-9]+")
_MESSAGE_ID = re.compile(r"<MessageId>([^<]+)</MessageId>")
_MESSAGE_PATH = re.compile(r"/messages/([^/?]+)")
_SECONDS = 240.0
_LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class Played:
    """A scenario to play.

    Attributes:
        name: The scenario, as in ``devstack/scenarios.toml``.
        what: It in a few words.
        knobs: What of it is set otherwise.
        is_queued: Whether another service asks, by queue.
        is_plain: Whether the goal holds: by HTTP, one 202, no fault.
    """

    name: str
    what: str
    knobs: dict[str, object] = field(default_factory=dict)
    is_queued: bool = False
    is_plain: bool = False


SCENARIOS = (
    Played("cancels-after-202", "202, ended at the first poll", is_plain=True),
    Played("cancels-after-202", "202, takes 50 s", {"cancel_seconds": 50}, is_plain=True),
    Played("cancels-at-once", "200, canceled at once"),
    Played("cancels-after-202", "202, by queue", is_queued=True),
    Played("cancels-by-new-operation", "202 that names a cancel operation"),
    Played("no-location", "202 without a Location"),
    Played("completes-first", "202, but the publish succeeds"),
    Played("idle-but-202", "nothing runs"),
    Played("refused-400", "refused with 400"),
    Played("answer-lost", "the answer to the cancel call is lost"),
    Played("throttled-seconds", "429 twice"),
    Played("list-gone-404", "no list, only the offer's status"),
)


@dataclass(frozen=True)
class Counted:
    """What one cancellation took.

    Attributes:
        played: The scenario.
        queue_transactions: Requests to the Queue service for its messages, the host's among them.
        table_transactions: Requests to the Table service for its row.
        partner_center_calls: Calls to Partner Center about its offer.
        unfinished_polls: Polls that did not end it.
        mail_seconds: From the last call to Partner Center until the mail was there.
        mail_bytes: How large its mail was.
    """

    played: Played
    queue_transactions: int
    table_transactions: int
    partner_center_calls: int
    unfinished_polls: int
    mail_seconds: float
    mail_bytes: int

    @property
    def transactions(self) -> int:
        """All transactions of Storage."""
        return self.queue_transactions + self.table_transactions


def count_scenarios(stack: Stack, most: int | None) -> list[Counted]:
    """Play the first ``most`` scenarios side by side, on the app's default settings.

    The host of the stack is started in here, with the wire between it and Storage.

    Raises:
        TimeoutError: One did not end.
    """
    played = SCENARIOS[:most]
    with Wire(stack.storage) as wire:
        stack.host.settings["CancelStorage"] = wire.connection_string
        stack.host.start()
        try:
            # Its first housekeeping, with the hourly checks, is nobody's.
            stack.events.wait_for(lambda event: event.name.startswith("check-"))
            ids = [_ask(stack, number, each) for number, each in enumerate(played)]
            _wait_for_mails(stack, ids)
        finally:
            stack.host.stop()  # no sooner than what is under way has ended
        transactions = attributed(wire.exchanges)
    return [
        _counted(stack, each, number, request_id, transactions)
        for number, (each, request_id) in enumerate(zip(played, ids, strict=True))
    ]


def attributed(exchanges: Iterable[Exchange]) -> Counter[tuple[str, str]]:
    """How many transactions each offer had, by service.

    A receive counts for every message that it brought; one that brought none, a look at poison
    queues and a look over all open rows count for nobody.
    """
    offers_of: dict[str, set[str]] = {}  # by message id
    counts: Counter[tuple[str, str]] = Counter()
    for exchange in exchanges:
        if _is_for_nobody(exchange):
            continue
        target = unquote(exchange.target)
        bodies = exchange.request + exchange.response
        offers = set(_OFFER.findall(target + bodies.decode("utf-8", "replace")))
        ids = {*_MESSAGE_PATH.findall(target), *_MESSAGE_ID.findall(exchange.response.decode())}
        for message_id in ids:
            known = offers_of.setdefault(message_id, set())
            if len(ids) == 1:
                known |= offers
                offers = known
        counts.update((offer, exchange.service) for offer in offers)
    return counts


def _is_for_nobody(exchange: Exchange) -> bool:
    query = parse_qs(urlsplit(exchange.target).query)
    looks_over_all = "$filter" in query and "PartitionKey" not in query["$filter"][0]
    return "peekonly" in query or looks_over_all


def _ask(stack: Stack, number: int, played: Played) -> str:
    offer = _offer(number)
    stack.partner_center.create_offer(PUBLISHER, offer, played.name, **played.knobs)
    metadata = {"notification-emails": EMAIL}
    if played.is_queued:
        request_id = str(uuid.uuid4())
        members = {"publisherId": PUBLISHER, "offerId": offer, "requestId": request_id}
        connection_string = stack.host.settings["CancelStorage"]
        with QueueClient.from_connection_string(connection_string, CANCEL_REQUESTS) as queue:
            queue.send_message(to_json(members | {"metadata": metadata}), time_to_live=-1)
        return request_id
    answer = requests.post(
        f"{stack.url}/api/publishers/{PUBLISHER}/offers/{offer}/cancel",
        json={"metadata": metadata},
        timeout=30,
    )
    answer.raise_for_status()
    return str(answer.json()["id"])


def _wait_for_mails(stack: Stack, ids: Sequence[str]) -> None:
    deadline = time.monotonic() + _SECONDS
    while missing := set(ids) - {each.request_id for each in stack.events.all("mail-sent")}:
        stack.host.check()
        if time.monotonic() > deadline:
            raise TimeoutError(f"no mail in {_SECONDS:g} s about {', '.join(missing)}")
        time.sleep(_LOOK_SECONDS)


def _counted(
    stack: Stack,
    played: Played,
    number: int,
    request_id: str,
    transactions: Counter[tuple[str, str]],
) -> Counted:
    offer = _offer(number)
    calls = stack.partner_center.calls(PUBLISHER, offer)
    mail = next(
        mail
        for mail in stack.mailbox.mails()
        if mail.message["X-Offer-Cancel-Request"] == request_id
    )
    polls = len(stack.events.all("polled", request_id))
    return Counted(
        played=played,
        queue_transactions=transactions[offer, "Queue"],
        table_transactions=transactions[offer, "Table"],
        partner_center_calls=len(calls),
        unfinished_polls=max(0, polls - 1),  # the last one, if any, ended it
        mail_seconds=(mail.received_at - calls[-1].time).total_seconds(),
        mail_bytes=mail.path.stat().st_size,
    )


def _offer(number: int) -> str:
    return f"counted-{number}"
