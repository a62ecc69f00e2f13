"""Reads what lists show, the newest first: of one publisher, or of several merged by time.

Nothing of a listing is kept between two pages. A page goes on from the last key of the one before,
so that what comes and goes meanwhile neither repeats nor hides anything else.
"""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from math import inf
from time import monotonic
from typing import Any

import msgspec
from azure.data.tables import TableClient, TableEntity

from shared.errors import StorageUnavailableError
from shared.listing_entity import AFTER_ALL, PREFIX, Listed, newest_first, to_listed
from shared.models import OutcomeName
from shared.record import Mail, Status
from shared.row_entities import keys_of, tell_unreadable
from shared.table_calls import TABLE, TableMissingError, translated

# The service looks for 5 s before it answers, and who asks is answered within 10 s.
READ_SECONDS = 6
LAST_READ_SECONDS = 2.5
_PAGE = 100
_OF_PUBLISHER = "PartitionKey eq @publisher and RowKey gt @first and RowKey lt @last"


@dataclass(frozen=True, order=True)
class Place:
    """Where a request stands among all, the newest first.

    Attributes:
        when: Its creation time as ``newest_first`` has it.
        publisher: In lower case.
        row: The rest of its key: offer and id.
    """

    when: str
    publisher: str
    row: str


@dataclass(frozen=True, kw_only=True)
class Query:
    """What is asked for; None, and no status, is anything.

    Attributes:
        publishers: In lower case; None for all that there are.
        top: How many at the most.
        after: Where the page before has ended.
    """

    publishers: frozenset[str] | None = None
    offer_id: str | None = None
    statuses: tuple[Status, ...] = ()
    outcome: OutcomeName | None = None
    top: int = 50
    after: Place | None = None


@dataclass(frozen=True)
class Page:
    """Some requests, and where the next page goes on from; None where there is none."""

    requests: tuple[Listed, ...]
    next: Place | None


class Listing:
    """What lists show of the requests. Safe to share between threads.

    All methods raise ``StorageUnavailableError`` when the table is out of reach.
    """

    def __init__(self, client: TableClient, clock: Callable[[], float] = monotonic) -> None:
        """Read with this client, which must not retry by itself; ``clock`` counts seconds."""
        self._client = client
        self._clock = clock

    def page(self, query: Query) -> Page:
        """The newest requests that are asked for: one read for each publisher that is named.

        Where none is named, one more finds out each that there is.

        Raises:
            StorageUnavailableError: Also when it takes too long.
        """
        until = self._clock() + LAST_READ_SECONDS
        publishers = self._publishers(until) if query.publishers is None else query.publishers
        each = [self._found(query, publisher, until) for publisher in publishers]
        found = tuple(islice(heapq.merge(*each, key=place_of), query.top + 1))
        shown = found[: query.top]
        return Page(shown, place_of(shown[-1]) if len(found) > len(shown) else None)

    def ended_before(self, time: datetime) -> Iterator[Listed]:
        """Requests that were made before, and since when nothing is left to be done for them.

        They are read as they are asked for.
        """
        ended = _any_of((Status.CANCELED, Status.FAILED))
        mailed = " and ".join(f"mailState ne '{each}'" for each in (Mail.NONE, Mail.SENDING))
        query = f"{ended} and {mailed} and lastStep lt @time and {_OF_PUBLISHER}"
        first = f"{PREFIX}{newest_first(time)};"
        for publisher in self._publishers(inf):
            values = {"time": time, "publisher": publisher, "first": first, "last": AFTER_ALL}
            yield from self._listed(query, values, _PAGE, inf)

    def remove(self, shown: Listed) -> None:
        """Remove what is shown of a request whose row is gone."""
        partition = shown.publisher_id.lower()
        translated(lambda: self._client.delete_entity(partition, shown.row_key))

    def _publishers(self, until: float) -> Iterator[str]:
        """Each publisher that has a row, found by leaping from one partition to the next."""
        last = ""
        query = f"PartitionKey gt @last and PartitionKey lt '{PREFIX}'"
        while found := next(self._read(query, {"last": last}, 1, until, ["PartitionKey"]), None):
            last = str(found["PartitionKey"])
            yield last

    def _found(self, query: Query, publisher: str, until: float) -> Iterator[Listed]:
        wanted = {"offer": query.offer_id, "outcome": query.outcome}
        given = {name: str(value) for name, value in wanted.items() if value is not None}
        conditions = [_OF_PUBLISHER, *(f"{name} eq @{name}" for name in given)]
        if query.statuses:
            conditions.append(_any_of(query.statuses))
        first = _after(query.after, publisher)
        values = {**given, "publisher": publisher, "first": first, "last": AFTER_ALL}
        return self._listed(" and ".join(conditions), values, query.top + 1, until)

    def _listed(
        self, query: str, values: dict[str, Any], size: int, until: float
    ) -> Iterator[Listed]:
        for entity in self._read(query, values, size, until):
            try:
                yield to_listed(entity)
            except msgspec.MsgspecError as error:
                tell_unreadable(entity, error)

    def _read(
        self,
        query: str,
        values: dict[str, Any],
        size: int,
        until: float,
        select: list[str] | None = None,
    ) -> Iterator[TableEntity]:
        pages = self._client.query_entities(
            query,
            parameters=values,
            select=select,
            results_per_page=size,
            read_timeout=READ_SECONDS,
        ).by_page()
        while True:
            if self._clock() > until:
                raise StorageUnavailableError(f"table {TABLE}: reading takes too long")
            try:
                page = translated(lambda: next(pages, None))
            except TableMissingError:  # nobody has asked for anything yet
                return
            if page is None:
                return
            yield from page


def _any_of(statuses: tuple[Status, ...]) -> str:
    return f"({' or '.join(f"status eq '{each}'" for each in statuses)})"


def place_of(shown: Listed) -> Place:
    """Where a request stands in a list of all."""
    publisher, row = keys_of(shown.publisher_id, shown.offer_id, shown.request_id)
    return Place(newest_first(shown.created_at), publisher, row)


def _after(place: Place | None, publisher: str) -> str:
    """The key in a publisher's partition that what comes after a place is greater than."""
    if place is None:
        return PREFIX
    if publisher == place.publisher:
        return f"{PREFIX}{place.when}:{place.row}"
    # Of the same moment, the publishers come by their names.
    return f"{PREFIX}{place.when}{':' if publisher > place.publisher else ';'}"
