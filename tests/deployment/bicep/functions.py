"""The functions of Bicep that the templates use, as Azure documents them."""

import base64
import hashlib
import ipaddress
import uuid
from collections.abc import Callable, Mapping
from typing import Any


def _unique_string(*values: str) -> str:
    """13 lower-case letters and digits; which ones is Azure's own affair."""
    digest = hashlib.sha256("\0".join(values).encode()).digest()
    return base64.b32encode(digest).decode().lower()[:13]


def _guid(*values: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "\0".join(values)))


def _union(*values: Any) -> Any:
    if isinstance(values[0], Mapping):
        return {name: value for each in values for name, value in each.items()}
    return list(dict.fromkeys(value for each in values for value in each))


def _concat(*values: Any) -> Any:
    return [item for value in values for item in value]


def _cidr_subnet(network: str, prefix: int, index: int) -> str:
    return str(list(ipaddress.ip_network(network).subnets(new_prefix=prefix))[index])


def _string(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _filter(values: list[Any], keep: Callable[[Any], bool]) -> list[Any]:
    return [value for value in values if keep(value)]


def _map(values: list[Any], change: Callable[[Any], Any]) -> list[Any]:
    return [change(value) for value in values]


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "cidrSubnet": _cidr_subnet,
    "concat": _concat,
    "empty": lambda value: not value,
    "filter": _filter,
    "guid": _guid,
    "map": _map,
    "replace": lambda text, old, new: text.replace(old, new),
    "split": lambda text, delimiter: text.split(delimiter),
    "string": _string,
    "toLower": lambda text: text.lower(),
    "trim": lambda text: text.strip(),
    "union": _union,
    "uniqueString": _unique_string,
}
