"""Reads what is asked for of the list of requests; nothing in a call is trusted.

A continuation is the place where the page before has ended, in letters that need no escaping in a
URL. It gives nothing away and lets nobody see more: whom a caller may see is asked for each page.
"""

import base64
import binascii
import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass

from shared.callers import Callers
from shared.http_answers import bad_request
from shared.http_paths import (
    check_api_version,
    check_offer_id,
    check_publisher_id,
    check_served,
)
from shared.listing import Place, Query
from shared.models import OutcomeName
from shared.record import Status
from shared.settings import PolicySettings

MAX_TOP = 100
DEFAULT_TOP = 50
_PLACE = re.compile(
    r"([0-9]{18}):([a-z0-9_-][a-z0-9._-]{0,49})"
    r":([a-z0-9][a-z0-9_-]{0,49}:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
)


@dataclass(frozen=True, kw_only=True)
class ListCall:
    """An HTTP call for the list as it came.

    Attributes:
        query: The members of its query; one that is empty is as good as none.
        headers: Names in lower case.
    """

    query: Mapping[str, str]
    headers: Mapping[str, str]


def query_of(call: ListCall, callers: Callers, policy: PolicySettings) -> Query:
    """What a call asks for, of the publishers that its caller may see.

    Raises:
        ProblemError: What is wrong with the call, or its caller.
    """
    given = {name: value for name, value in call.query.items() if value}
    check_api_version(given.get("api-version"))
    if "offerId" in given:
        check_offer_id(given["offerId"], "query")
    return Query(
        publishers=_publishers(call, given.get("publisherId"), callers, policy),
        offer_id=given.get("offerId"),
        statuses=_words(Status, "status", given),
        outcome=next(iter(_words(OutcomeName, "outcome", given)), None),
        top=_top(given.get("top", str(DEFAULT_TOP))),
        after=_place(given["continuation"]) if "continuation" in given else None,
    )


def continuation_of(place: Place) -> str:
    """The token that a page is asked for with, which begins after a place."""
    text = f"{place.when}:{place.publisher}:{place.row}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _publishers(
    call: ListCall, publisher_id: str | None, callers: Callers, policy: PolicySettings
) -> frozenset[str] | None:
    if publisher_id is None:
        of_caller, served = callers.publishers_for(call.headers), policy.allowed_publishers
        return of_caller & served if of_caller and served else of_caller or served or None
    check_publisher_id(publisher_id, "query")
    callers.check(call.headers, publisher_id)
    check_served(publisher_id, policy)
    return frozenset({publisher_id.lower()})


def _words[T: enum.StrEnum](kind: type[T], name: str, given: Mapping[str, str]) -> tuple[T, ...]:
    """The one word that is given, or none."""
    if name not in given:
        return ()
    try:
        return (kind(given[name]),)
    except ValueError:
        known = ", ".join(kind)
        raise bad_request(f"{name} in the query must be one of {known}") from None


def _top(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MAX_TOP:
        return int(text)
    raise bad_request(f"top in the query must be a whole number from 1 to {MAX_TOP}")


def _place(token: str) -> Place:
    padded = token + "=" * (-len(token) % 4)
    try:
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        text = ""
    found = _PLACE.fullmatch(text)
    if found is None:
        raise bad_request("continuation in the query must be one that a nextLink had")
    return Place(*found.groups())
