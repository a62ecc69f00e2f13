"""What a caller is told who asks for the list of requests, in the words of Azure's paged lists."""

from typing import Any
from urllib.parse import urlencode

import msgspec

from shared.callers import Callers
from shared.errors import StorageUnavailableError
from shared.http_answers import HttpAnswer, unavailable
from shared.http_paths import status_path
from shared.list_query import ListCall, continuation_of, query_of
from shared.listing import Listing, Place
from shared.listing_entity import Listed
from shared.settings import PolicySettings

PATH = "/api/cancellations"
_KEPT = ("publisherId", "offerId", "status", "outcome", "top", "api-version")


def list_answer(
    listing: Listing, call: ListCall, callers: Callers, policy: PolicySettings
) -> HttpAnswer:
    """A page of the requests that are asked for, the newest first.

    Raises:
        ProblemError: What is wrong with the call, or its caller; 503 when nothing can be read.
    """
    query = query_of(call, callers, policy)
    try:
        page = listing.page(query)
    except StorageUnavailableError as error:
        raise unavailable(
            "The requests could not be read in time; ask again, perhaps for one publisher."
        ) from error
    value = [_members(each) for each in page.requests]
    next_link = {"nextLink": _next_link(call, page.next)} if page.next else {}
    return HttpAnswer(200, {"value": value, **next_link})


def _members(shown: Listed) -> dict[str, Any]:
    members = {
        "id": shown.request_id,
        "publisherId": shown.publisher_id,
        "offerId": shown.offer_id,
        "status": shown.status,
        "outcome": shown.outcome,
        "createdDateTime": shown.created_at,
        "lastActionDateTime": shown.last_step_at,
        "endedDateTime": shown.ended_at,
        "mail": shown.mail,
        "source": shown.source,
        "location": status_path(shown),
    }
    told: dict[str, Any] = msgspec.to_builtins(members)
    return told


def _next_link(call: ListCall, place: Place) -> str:
    """The same list from a place on; a key in the query is the caller's to add again."""
    kept = {name: call.query[name] for name in _KEPT if call.query.get(name)}
    return f"{PATH}?{urlencode({**kept, 'continuation': continuation_of(place)})}"
