"""What ids from outside look like, as patterns and as people call them."""

PUBLISHER_ID_PATTERN = r"\A[A-Za-z0-9_-][A-Za-z0-9._-]{0,49}\Z"
OFFER_ID_PATTERN = r"\A[a-z0-9][a-z0-9_-]{0,49}\Z"
GUID_PATTERN = r"\A[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\Z"

_NAMES = {
    PUBLISHER_ID_PATTERN: "a publisher's id",
    OFFER_ID_PATTERN: "an offer's id",
    GUID_PATTERN: "a GUID",
}


def in_words(complaint: str) -> str:
    """What msgspec says of a value, with the name of its pattern in place of the pattern."""
    for pattern, name in _NAMES.items():
        complaint = complaint.replace(f"`str` matching regex {pattern!r}", name)
    return complaint
