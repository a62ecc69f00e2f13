"""The list of requests, through the local host, against one bare query that reads such a page."""

import http.client
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from itertools import batched
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from azure.data.tables import TableClient
from msgspec.structs import replace

from benchmarks.figures import percentile
from benchmarks.population import pending_row
from benchmarks.rows import Row
from benchmarks.run import Run
from devstack.stack import Stack
from shared import listing_entity, row_entities
from shared.ledger import TABLE
from shared.record import CancellationRecord
from shared.storage_transport import storage_transport

GROUP = "list"
_TOP = 50
_PUBLISHERS = 4
_OFFERS = 3  # each of which every publisher has
_ROWS_PER_TRANSACTION = 50  # two entities each
_ASKED = {
    "the newest of one publisher": "publisherId=publisher-0",
    "the newest of one offer": "publisherId=publisher-0&offerId=vm-0",
    f"the newest of all {_PUBLISHERS} publishers": "",
}
# Nothing else is to happen while it is measured.
_ALONE = {
    f"AzureWebJobs.{function}.Disabled": "true"
    for function in ("CancelQueueTrigger", "PollTimerTrigger")
}


def measure(run: Run) -> Iterator[Row]:
    """How long the newest of a publisher, and of all, take."""
    count = run.sizes.listed
    with run.stack(with_host=True, **_ALONE) as stack:
        run.say(f"the list, with {count} requests")
        _populate(stack, count)
        host = http.client.HTTPConnection(urlsplit(stack.url).netloc, timeout=30)
        with closing(host), _table(stack) as table:
            baseline = _median(run, _bare_query(table))
            for what, query in _ASKED.items():
                yield Row(
                    group=GROUP,
                    name=f"{what}, {_TOP} of {count} requests, p50",
                    value=_median(run, _http_query(host, f"{query}&top={_TOP}")) * 1000,
                    unit="ms",
                    baseline=f"one bare query for a page of {_TOP}",
                    baseline_value=baseline * 1000,
                )


def _populate(stack: Stack, count: int) -> None:
    """Requests of the last months, spread over publishers and offers."""
    now = datetime.now(UTC)
    with _table(stack) as table:
        table.create_table()
        for publisher in range(_PUBLISHERS):
            mine = range(publisher, count, _PUBLISHERS)
            for some in batched(mine, _ROWS_PER_TRANSACTION, strict=False):
                rows = [_row(number, now - timedelta(minutes=count - number)) for number in some]
                entities = [entity for row in rows for entity in _entities_of(row)]
                table.submit_transaction([("create", entity) for entity in entities])


def _row(number: int, at: datetime) -> CancellationRecord:
    record = pending_row(f"vm-{number % _OFFERS}", str(uuid.uuid4()))
    return replace(
        record, publisher_id=_publisher(number % _PUBLISHERS), created_at=at, last_step_at=at
    )


def _entities_of(row: CancellationRecord) -> tuple[dict[str, Any], dict[str, Any]]:
    return row_entities.to_entity(row), listing_entity.to_entity(listing_entity.listed(row))


def _table(stack: Stack) -> TableClient:
    return TableClient.from_connection_string(
        stack.storage.connection_string, TABLE, transport=storage_transport(), retry_total=0
    )


def _publisher(number: int) -> str:
    return f"publisher-{number}"


def _median(run: Run, ask: Callable[[], None]) -> float:
    seconds = []
    for _ in range(run.sizes.list_requests):
        begun = monotonic()
        ask()
        seconds.append(monotonic() - begun)
    return percentile(seconds, 0.5)


def _bare_query(table: TableClient) -> Callable[[], None]:
    def ask() -> None:
        query = f"PartitionKey eq '{_publisher(0)}' and RowKey gt '{listing_entity.PREFIX}'"
        pages = table.query_entities(query, results_per_page=_TOP).by_page()
        if len(list(next(pages))) != _TOP:
            raise RuntimeError("a bare query has brought another page than was asked for")

    return ask


def _http_query(connection: http.client.HTTPConnection, query: str) -> Callable[[], None]:
    def ask() -> None:
        connection.request("GET", f"/api/cancellations?{query}")
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != HTTPStatus.OK or text.count(b'"location"') != _TOP:
            raise RuntimeError(f"a list was answered {answer.status}: {text[:200]!r}")

    return ask
