"""Finds names that must mean the operation to cancel, and are not its name.

Unknown members are ignored; but ignoring one of these would make a request for whatever runs of
one that names its operation.
"""

from collections.abc import Iterable

import msgspec

from shared.errors import InvalidRequestError
from shared.models import from_json

_NAME = "operationId"
_SEPARATORS = str.maketrans("", "", "-_. ")


def refuse_misnamed_operation(text: str | bytes) -> None:
    """Refuse a JSON object that names its operation by another spelling of ``operationId``.

    Raises:
        InvalidRequestError: It does, or is no JSON object.
    """
    for name in names_of_operation(from_json(text, dict[str, msgspec.Raw])):
        if name != _NAME:
            raise InvalidRequestError(f"the member `{name}` must be spelled `{_NAME}`")


def names_of_operation(names: Iterable[str]) -> list[str]:
    """Those of the names that are ``operationId``, but for case and separators."""
    return [each for each in names if each.translate(_SEPARATORS).lower() == _NAME.lower()]
