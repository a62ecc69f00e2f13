"""Answers whoever asks for the list of requests, or for one of them, as a page."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from shared.callers import Callers
from shared.errors import StorageUnavailableError
from shared.http_answers import ProblemError, answered, bad_request, unavailable
from shared.http_paths import check_offer_id, check_publisher_id, check_served
from shared.ids import GUID_PATTERN
from shared.ledger import Ledger
from shared.list_query import ListCall, continuation_of, query_of
from shared.listing import Listing, Query
from shared.page.filters import Filters
from shared.page.frame import HEADERS, Links
from shared.page.overview import EndedOnes, OpenOnes, Overview, overview_page
from shared.page.poison import Poisoned, Shelf, shelf_of
from shared.page.problem import problem_page
from shared.page.story import story_page
from shared.poison_shelf import PoisonShelf
from shared.record import Status
from shared.settings import PolicySettings

_OPEN: Final = (Status.NOT_STARTED, Status.RUNNING)
_ENDED: Final = (Status.CANCELED, Status.FAILED)
_MOST_OPEN: Final = 900  # the table hands out a thousand at once
_LATER: Final = "What is asked for could not be read in time."


@dataclass(frozen=True, kw_only=True)
class PageAnswer:
    """A page as it goes out."""

    status_code: int
    page: str
    headers: Mapping[str, str]
    media_type: str = "text/html"

    @property
    def body(self) -> bytes:
        """The page as bytes."""
        return self.page.encode()


def page_answer(
    call: ListCall, duty_page: Callable[[], "DutyPage"], clock: Callable[[], datetime]
) -> PageAnswer:
    """The page that is asked for, or the one that says what is wrong.

    Args:
        call: As it came; ``id`` in its query asks for one request's story. Spaces around what
            people type, or their phones, count for nothing.
        duty_page: Makes the pages; ``ConfigurationError`` until it can be had.
        clock: Tells as of when the page is.
    """
    links = Links(call.query.get("code", ""))
    typed = replace(call, query={name: value.strip() for name, value in call.query.items()})

    def served() -> PageAnswer:
        page = duty_page().page(typed, links, clock())
        return PageAnswer(status_code=200, page=page, headers=HEADERS)

    def told(problem: ProblemError) -> PageAnswer:
        page = problem_page(problem.status_code, str(problem), links=links, now=clock())
        headers = {**HEADERS, **problem.headers}
        return PageAnswer(status_code=problem.status_code, page=page, headers=headers)

    return answered(served, told)


class DutyPage:
    """Makes the pages for the person on duty. Safe to share between threads."""

    def __init__(
        self,
        *,
        listing: Listing,
        ledger: Ledger,
        shelf: PoisonShelf,
        callers: Callers,
        policy: PolicySettings,
        most_open: int = _MOST_OPEN,
    ) -> None:
        """Read from these; count so many open requests at the most."""
        self._most_open = most_open
        self._listing = listing
        self._ledger = ledger
        self._shelf = shelf
        self._callers = callers
        self._policy = policy

    def page(self, call: ListCall, links: Links, now: datetime) -> str:
        """The list, or the story of the request that is named.

        Raises:
            ProblemError: What is wrong with the call, or its caller; 404 for a request that is not
                known; 503 when nothing can be read.
        """
        try:
            if call.query.get("id"):
                return self._story(call, links, now)
            return overview_page(self._overview(call), links=links, now=now)
        except StorageUnavailableError as error:
            raise unavailable(_LATER) from error

    def _story(self, call: ListCall, links: Links, now: datetime) -> str:
        names = ("publisherId", "offerId", "id")
        publisher_id, offer_id, request_id = (call.query.get(name, "") for name in names)
        check_publisher_id(publisher_id, "query")
        check_offer_id(offer_id, "query")
        if not re.search(GUID_PATTERN, request_id):
            raise bad_request("id in the query must be a GUID")
        self._callers.check(call.headers, publisher_id)
        check_served(publisher_id, self._policy)
        record = self._ledger.get(publisher_id, offer_id, request_id)
        if record is None:
            said = f"{publisher_id} / {offer_id} has no request {request_id}."
            raise ProblemError(404, "NotFound", said)
        shelf = self._seen()
        poisoned = shelf.about(record) if shelf else ()
        return story_page(record, poisoned, links=links, now=now)

    def _overview(self, call: ListCall) -> Overview:
        query = query_of(call, self._callers, self._policy)
        filters = _filters(call)
        is_first = query.after is None
        ended_ones = self._ended_ones(query)
        open_ones = self._open_ones(query, is_all=ended_ones is None) if is_first else None
        return Overview(
            filters=filters,
            open_ones=open_ones,
            ended_ones=ended_ones,
            shelf=self._visible(call, filters) if is_first else None,
            is_first=is_first,
        )

    def _open_ones(self, query: Query, *, is_all: bool) -> OpenOnes | None:
        """Those that are asked for; where they are not all that is, they may stay unread."""
        statuses = _both(query.statuses, _OPEN)
        if not statuses or query.outcome is not None:
            return None
        try:
            page = self._listing.page(replace(query, statuses=statuses, top=self._most_open))
        except StorageUnavailableError:
            # They may be few among so many that Storage does not find them all in time.
            if is_all:
                raise
            return OpenOnes(longest=(), count=0, is_read=False)
        longest = sorted(page.requests, key=lambda each: each.created_at)[: query.top]
        has_more = page.next is not None
        return OpenOnes(longest=longest, count=len(page.requests), has_more=has_more)

    def _ended_ones(self, query: Query) -> EndedOnes | None:
        statuses = _both(query.statuses, _ENDED)
        if not statuses:
            return None
        page = self._listing.page(replace(query, statuses=statuses))
        continuation = continuation_of(page.next) if page.next else ""
        return EndedOnes(newest=page.requests, continuation=continuation)

    def _visible(self, call: ListCall, filters: Filters) -> Shelf | None:
        """What is poisoned, as far as it is asked for and the caller may see it."""
        shelf = self._seen()
        allowed = self._callers.publishers_for(call.headers)
        is_narrowed = bool(filters.publisher_id or filters.offer_id)

        def is_shown(each: Poisoned) -> bool:
            if each.offer is None:  # anybody's
                return allowed is None and not is_narrowed
            publisher, offer = each.offer[0].lower(), each.offer[1]
            return (
                (allowed is None or publisher in allowed)
                and filters.publisher_id.lower() in ("", publisher)
                and filters.offer_id in ("", offer)
            )

        if shelf is None:
            return None
        unread = shelf.unread if allowed is None and not is_narrowed else 0
        return replace(shelf, found=tuple(filter(is_shown, shelf.found)), unread=unread)

    def _seen(self) -> Shelf | None:
        """The poison queues; None where they cannot be read, which must not hide the rest."""
        try:
            return shelf_of(self._shelf.glance())
        except StorageUnavailableError:
            return None


def _both(asked_for: tuple[Status, ...], kind: tuple[Status, ...]) -> tuple[Status, ...]:
    return tuple(each for each in kind if not asked_for or each in asked_for)


def _filters(call: ListCall) -> Filters:
    query = call.query
    return Filters(
        publisher_id=query.get("publisherId", ""),
        offer_id=query.get("offerId", ""),
        status=query.get("status", ""),
        outcome=query.get("outcome", ""),
        top=query.get("top", ""),
    )
