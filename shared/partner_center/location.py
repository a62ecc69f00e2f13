"""Reads and pins a polling ``Location``: no token ever follows it to another host.

A Location is untrusted input (OWASP API7). What fits a strict pattern for this publisher and
offer is built anew as a path on the configured origin; everything else is treated as absent.
Known forms: the two relative ones and the older absolute ``Operation-Location`` of Microsoft's
"Cancel operation" pages, and ids or paths in a JSON body, which the same pages promise.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

API_VERSION = "2017-10-31"

_HEADERS = ("Location", "Operation-Location")
_BODY_MEMBERS = ("location", "operationLocation", "operation-location", "operationId", "id")
_GUID = r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_PATH = re.compile(
    rf"""/api/(?:
        publishers/(?P<publisher>[A-Za-z0-9._-]+)/offers/(?P<offer>[a-z0-9_-]+)
            /operations/(?P<operation>{_GUID})
      | operations/(?P<slot_publisher>[A-Za-z0-9._-]+)\$(?P<slot_offer>[a-z0-9_-]+)
            \$(?P<version>[0-9]{{1,9}})\$(?P<slot>[a-z]{{1,20}})
    )(?:\?api-version={re.escape(API_VERSION)})?""",
    re.VERBOSE,
)


def offer_path(publisher_id: str, offer_id: str, rest: str) -> str:
    """The path of one of the offer's resources, with the API version."""
    return (
        f"/api/publishers/{quote(publisher_id, safe='')}/offers/{quote(offer_id, safe='')}"
        f"/{rest}?api-version={API_VERSION}"
    )


def pin(value: str, *, origin: str, publisher_id: str, offer_id: str) -> str | None:
    """The polling path that a Location names, rebuilt; None for one that does not fit.

    Args:
        value: The Location as received.
        origin: The configured scheme and host, without a trailing slash.
        publisher_id: The publisher that the Location must name, compared without case.
        offer_id: The offer that it must name.
    """
    path = value[len(origin) :] if value.startswith(f"{origin}/") else value
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    named = (found["publisher"] or found["slot_publisher"], found["offer"] or found["slot_offer"])
    if (named[0].lower(), named[1]) != (publisher_id.lower(), offer_id):
        return None
    if found["operation"]:
        return offer_path(publisher_id, offer_id, f"operations/{found['operation'].lower()}")
    return (
        f"/api/operations/{publisher_id}${offer_id}${found['version']}${found['slot']}"
        f"?api-version={API_VERSION}"
    )


def operation_id_of(location: str) -> str | None:
    """The operation that a pinned path names, in lower case; None for the ``$`` form."""
    found = _PATH.fullmatch(location)
    return found["operation"].lower() if found and found["operation"] else None


def candidate(headers: Mapping[str, str], body: Any) -> str | None:
    """What an answer offers as its Location: header first, then the body, unchecked.

    Args:
        headers: The answer's headers, looked up without case.
        body: The answer's JSON, or None.
    """
    for name in _HEADERS:
        if headers.get(name):
            return headers[name]
    members = body if isinstance(body, dict) else {}
    for name in _BODY_MEMBERS:
        if isinstance(members.get(name), str) and members[name]:
            return str(members[name])
    return None


def resolve(
    headers: Mapping[str, str], body: Any, *, origin: str, publisher_id: str, offer_id: str
) -> tuple[str | None, str | None]:
    """The pinned polling path of an answer, and the value that was refused, if any."""
    value = candidate(headers, body)
    if value is None:
        return None, None
    path = f"/api/publishers/{publisher_id}/offers/{offer_id}/operations/{value}"
    as_path = path if re.fullmatch(_GUID, value) else value
    pinned = pin(as_path, origin=origin, publisher_id=publisher_id, offer_id=offer_id)
    return pinned, None if pinned else value
