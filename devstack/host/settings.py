"""App settings as the host resolves them for bindings, from the process environment."""

import re
from collections.abc import Mapping

from azure.storage.queue import QueueServiceClient

from devstack.host.errors import AppConfigurationError

_REFERENCE = re.compile(r"%([^%]+)%")
_IDENTITY_SUFFIXES = ("__queueServiceUri", "__serviceUri", "__accountName")


def resolve_references(text: str, environ: Mapping[str, str]) -> str:
    """Replace each ``%NAME%`` by that setting's value; a missing or empty one is an error."""

    def value_of(reference: re.Match[str]) -> str:
        name = reference[1]
        if not environ.get(name):
            raise AppConfigurationError(f"%{name}% is used, but setting {name} has no value")
        return environ[name]

    return _REFERENCE.sub(value_of, text)


def storage_connection_string(setting: str, environ: Mapping[str, str]) -> str:
    """Return the connection string that a binding's ``connection`` names."""
    if value := environ.get(setting):
        return _checked(setting, value)
    for suffix in _IDENTITY_SUFFIXES:
        if environ.get(setting + suffix):
            raise AppConfigurationError(
                f"setting {setting}{suffix} asks for an identity-based connection, which the "
                f"local host does not make: set {setting} to a connection string"
            )
    raise AppConfigurationError(
        f"setting {setting} is missing: it must hold a storage connection string"
    )


def _checked(setting: str, connection_string: str) -> str:
    try:
        QueueServiceClient.from_connection_string(connection_string)
    except ValueError as error:
        # Without the value and the SDK's own words: it is a secret, and they may quote it.
        raise AppConfigurationError(
            f"setting {setting} holds no valid storage connection string"
        ) from error
    return connection_string


def is_disabled(function_name: str, environ: Mapping[str, str]) -> bool:
    """Whether ``AzureWebJobs.<function>.Disabled`` switches the function off."""
    return is_true(environ.get(f"AzureWebJobs.{function_name}.Disabled", ""))


def is_true(value: str) -> bool:
    """Read a switch as the host does."""
    return value.strip().lower() in {"true", "1"}
