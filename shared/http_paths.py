"""The paths that callers use: what has to be right in them, and where a request's status is."""

import re
from typing import TYPE_CHECKING

from shared.http_answers import ProblemError, bad_request
from shared.ids import GUID_PATTERN, OFFER_ID_PATTERN, PUBLISHER_ID_PATTERN
from shared.partner_center.location import API_VERSION

if TYPE_CHECKING:
    from shared.listing_entity import Listed
    from shared.record import CancellationRecord
    from shared.settings import PolicySettings


def check_offer_path(publisher_id: str, offer_id: str, api_version: str | None) -> None:
    """Refuse a path or an ``api-version`` that the Cancel operation API would not know.

    Raises:
        ProblemError: 400, with what is wrong and where.
    """
    check_publisher_id(publisher_id, "path")
    check_offer_id(offer_id, "path")
    check_api_version(api_version)


def check_publisher_id(publisher_id: str, where: str) -> None:
    """Refuse what no publisher is called; ``ProblemError`` (400) that says where it stands."""
    if not re.search(PUBLISHER_ID_PATTERN, publisher_id):
        raise bad_request(
            f"publisherId in the {where} must be 1 to 50 letters, digits, '-', '_' or '.',"
            " not starting with '.'"
        )


def check_offer_id(offer_id: str, where: str) -> None:
    """Refuse what no offer is called; ``ProblemError`` (400) that says where it stands."""
    if not re.search(OFFER_ID_PATTERN, offer_id):
        raise bad_request(
            f"offerId in the {where} must be 1 to 50 lower-case letters, digits, '-' or '_',"
            " starting with a letter or digit"
        )


def check_api_version(api_version: str | None) -> None:
    """Refuse a version that the Cancel operation API does not have; ``ProblemError`` (400).

    An empty one is none: Azure Functions does not even show it.
    """
    if api_version and api_version != API_VERSION:
        raise ProblemError(
            400, "InvalidAPIVersion", f"api-version in the query must be {API_VERSION}."
        )


def check_served(publisher_id: str, policy: "PolicySettings") -> None:
    """Refuse a publisher that this deployment does not work for; ``ProblemError`` (403)."""
    if not policy.serves(publisher_id):
        raise ProblemError(
            403, "Forbidden", f"Publisher {publisher_id} is not served by this deployment."
        )


def check_request_id(request_id: str) -> None:
    """Refuse an id that no request can have; ``ProblemError`` (400)."""
    if not re.search(GUID_PATTERN, request_id):
        raise bad_request("the operation's id in the path must be a GUID")


def status_path(request: "CancellationRecord | Listed") -> str:
    """Where a request's status is, relative to this deployment."""
    return (
        f"/api/publishers/{request.publisher_id}/offers/{request.offer_id}"
        f"/operations/{request.request_id}?api-version={API_VERSION}"
    )
