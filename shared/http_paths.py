"""The paths that callers use: what has to be right in them, and where a request's status is."""

import re

from shared.http_answers import ProblemError, bad_request
from shared.models import GUID_PATTERN, OFFER_ID_PATTERN, PUBLISHER_ID_PATTERN
from shared.partner_center.location import API_VERSION
from shared.record import CancellationRecord


def check_offer_path(publisher_id: str, offer_id: str, api_version: str | None) -> None:
    """Refuse a path or an ``api-version`` that the Cancel operation API would not know.

    Raises:
        ProblemError: 400, with what is wrong and where.
    """
    if not re.search(PUBLISHER_ID_PATTERN, publisher_id):
        raise bad_request(
            "publisherId in the path must be 1 to 50 letters, digits, '-', '_' or '.',"
            " not starting with '.'"
        )
    if not re.search(OFFER_ID_PATTERN, offer_id):
        raise bad_request(
            "offerId in the path must be 1 to 50 lower-case letters, digits, '-' or '_',"
            " starting with a letter or digit"
        )
    if api_version not in (None, API_VERSION):
        raise ProblemError(
            400, "InvalidAPIVersion", f"api-version in the query must be {API_VERSION}."
        )


def check_request_id(request_id: str) -> None:
    """Refuse an id that no request can have; ``ProblemError`` (400)."""
    if not re.search(GUID_PATTERN, request_id):
        raise bad_request("the operation's id in the path must be a GUID")


def status_path(record: CancellationRecord) -> str:
    """Where a request's status is, relative to this deployment."""
    return (
        f"/api/publishers/{record.publisher_id}/offers/{record.offer_id}"
        f"/operations/{record.request_id}?api-version={API_VERSION}"
    )
