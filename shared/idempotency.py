"""One id for a request however often it is sent, by the key that its sender gives it."""

import hashlib
import re
import uuid
from collections.abc import Mapping

from shared.addresses import keep_valid
from shared.http_answers import bad_request
from shared.models import CancelRequest, Metadata, to_json

HEADER = "idempotency-key"
_KEY_PATTERN = r"\A[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?\Z"


def key_of(headers: Mapping[str, str]) -> str | None:
    """The key that the caller gives, or None.

    Args:
        headers: Names in lower case.

    Raises:
        ProblemError: 400 for a key that cannot be one; to ignore it would cancel twice.
    """
    key = headers.get(HEADER)
    if key is not None and not re.search(_KEY_PATTERN, key):
        raise bad_request(
            "Idempotency-Key, or the id of a webhook's delivery, must be 1 to 255 printable ASCII"
            " characters"
        )
    return key


def request_id_of(request: CancelRequest, key: str, source: str = "http") -> uuid.UUID:
    """The id that belongs to this key for this offer.

    Keys of other sources never meet those that callers choose.
    """
    space = "offer-cancel" if source == "http" else f"offer-cancel/{source}"
    name = f"{space}:{request.publisher_id.lower()}/{request.offer_id}:{key}"
    return uuid.uuid5(uuid.NAMESPACE_URL, name)


def fingerprint_of(request: CancelRequest) -> str:
    """What tells one request from another that was sent with the same key: a SHA-256.

    The same for what came over HTTP and for the message that the app has made of it: that message
    makes the row anew where the caller was told that it could not be stored.
    """
    emails, _ = keep_valid(request.notification_emails)
    asked = CancelRequest(
        publisher_id=request.publisher_id.lower(),
        offer_id=request.offer_id,
        metadata=Metadata(notification_emails=",".join(emails)),
        operation_id=request.operation_id and request.operation_id.lower(),
        reason=request.reason or None,
    )
    return hashlib.sha256(to_json(asked).encode()).hexdigest()
