"""Who calls over HTTP, as App Service authentication tells it, and for whom they may cancel.

Its headers count only where the platform says that it stands in front of the app: without it
anybody can send them.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from shared.errors import InvalidRequestError
from shared.http_answers import ProblemError
from shared.ids import GUID_PATTERN, PUBLISHER_ID_PATTERN
from shared.models import from_json

HTTP = "http"
_ENTRA = "aad"  # as App Service calls Microsoft Entra
_OBJECT_ID_CLAIMS = ("oid", "http://schemas.microsoft.com/identity/claims/objectidentifier")

type Allowed = Mapping[str, frozenset[str]]


@dataclass(frozen=True, kw_only=True)
class Callers:
    """Whom this deployment listens to over HTTP.

    Attributes:
        are_authenticated: Whether App Service authentication stands in front of the app.
        allowed: By a caller's object id, the publishers; both in lower case. All publishers for
            an empty set, every caller where nobody is named.
    """

    are_authenticated: bool = False
    allowed: Allowed = field(default_factory=dict)

    def check(self, headers: Mapping[str, str], publisher_id: str) -> str:
        """Who calls, as the row's ``source``: ``http``, or ``http entra:`` and the object id.

        Args:
            headers: Names in lower case.
            publisher_id: The publisher that the call is about.

        Raises:
            ProblemError: 401 where nobody is authenticated who ought to be, 403 for a caller who
                may not cancel for this publisher.
        """
        if not self.are_authenticated:
            return HTTP
        caller = _authenticated(headers)
        if not self._may_cancel(caller, publisher_id):
            raise _forbidden(caller, f"publisher {publisher_id}")
        return f"{HTTP} entra:{caller}"

    def publishers_for(self, headers: Mapping[str, str]) -> frozenset[str] | None:
        """The publishers that the caller may cancel for, in lower case; None for all.

        Raises:
            ProblemError: As ``check`` does; 403 for a caller who may cancel for none.
        """
        if not self.are_authenticated:
            return None
        caller = _authenticated(headers)
        if not self.allowed:
            return None
        if caller not in self.allowed:
            raise _forbidden(caller, "any publisher")
        return self.allowed[caller] or None

    def _may_cancel(self, caller: str, publisher_id: str) -> bool:
        if not self.allowed:
            return True
        publishers = self.allowed.get(caller)
        return publishers is not None and (not publishers or publisher_id.lower() in publishers)


ANYBODY = Callers()


def _authenticated(headers: Mapping[str, str]) -> str:
    caller = _object_id(headers)
    if caller is None:
        raise ProblemError(
            401,
            "Unauthorized",
            "No Microsoft Entra caller is authenticated.",
            {"WWW-Authenticate": "Bearer"},
        )
    return caller


def _forbidden(caller: str, what: str) -> ProblemError:
    return ProblemError(
        403, "Forbidden", f"Caller {caller} may not cancel for {what} (ALLOWED_CALLERS)."
    )


def parse_allowed(items: list[str]) -> tuple[Allowed, list[str]]:
    """Read ``<object id>`` and ``<object id>=<publisher>|<publisher>``.

    Returns:
        Who is allowed, and every problem, each by the position of its item.
    """
    allowed: dict[str, frozenset[str]] = {}
    problems: list[str] = []
    for position, item in enumerate(items, start=1):
        caller, is_limited, listed = item.partition("=")
        caller = caller.strip().lower()
        publishers = [each.strip() for each in listed.split("|")] if is_limited else []
        if not re.search(GUID_PATTERN, caller):
            problems.append(f"item {position} must begin with an object id, which is a GUID")
        elif caller in allowed:
            problems.append(f"item {position} names {caller} again: list its publishers in one")
        if not all(re.search(PUBLISHER_ID_PATTERN, each) for each in publishers):
            problems.append(f"item {position} must name publishers after '=', with '|' between")
        allowed.setdefault(caller, frozenset(each.lower() for each in publishers))
    return allowed, problems


class _Claim(msgspec.Struct):
    typ: Any = None
    val: Any = None


class _Principal(msgspec.Struct):
    """What ``X-MS-CLIENT-PRINCIPAL`` holds, as far as it matters here."""

    auth_typ: str = _ENTRA
    claims: tuple[_Claim, ...] = ()


def _object_id(headers: Mapping[str, str]) -> str | None:
    """The caller's object id, in lower case; None where the headers tell of no such caller.

    The claim is preferred, since it says that it is one; an id of another provider may look alike.
    """
    encoded = headers.get("x-ms-client-principal", "")
    provider = headers.get("x-ms-client-principal-idp") or _ENTRA
    named = {headers.get("x-ms-client-principal-id", "")}
    if encoded:
        principal = _principal(encoded)
        if principal is None:
            return None
        provider = principal.auth_typ
        claimed = {str(each.val) for each in principal.claims if each.typ in _OBJECT_ID_CLAIMS}
        named = claimed or named
    ids = {each.lower() for each in named}
    if provider != _ENTRA or len(ids) != 1:
        return None
    [caller] = ids
    return caller if re.search(GUID_PATTERN, caller) else None


def _principal(encoded: str) -> _Principal | None:
    try:
        return from_json(base64.b64decode(encoded, validate=True), _Principal)
    except (binascii.Error, ValueError, InvalidRequestError):
        return None
