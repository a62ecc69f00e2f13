"""Clients of the business storage account: bounded, never retrying, all by one clock.

The SDKs' own retries would sleep for minutes inside a function.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from azure.data.tables import TableClient
from azure.storage.queue import QueueClient

from shared.errors import ConfigurationError
from shared.ledger import TABLE
from shared.models import utc_now
from shared.settings import StorageSettings
from shared.storage_clock import StorageClock
from shared.storage_transport import storage_transport

_CONNECTION_STRING = "DefaultEndpointsProtocol=https;AccountName=…;AccountKey=…;EndpointSuffix=…"


@cache
def storage_clock() -> StorageClock:
    """What the answers to all of these clients tell of Storage's clock."""
    return StorageClock(utc_now)


def queue_client(storage: StorageSettings, name: str) -> QueueClient:
    """A client for a queue; ``ConfigurationError`` where the settings name no account."""
    if storage.connection_string:
        with _usable("CancelStorage", _CONNECTION_STRING):
            return QueueClient.from_connection_string(storage.connection_string, name, **_options())
    credential = _credential(storage.client_id, storage.uses_azure_cli)
    with _usable("CancelStorage__queueServiceUri", "https://ACCOUNT.queue.core.windows.net/"):
        return QueueClient(storage.queue_service_uri, name, credential=credential, **_options())


def table_client(storage: StorageSettings) -> TableClient:
    """A client for the table; ``ConfigurationError`` where the settings name no account."""
    if storage.connection_string:
        with _usable("CancelStorage", _CONNECTION_STRING):
            return TableClient.from_connection_string(
                storage.connection_string, TABLE, **_options()
            )
    credential = _credential(storage.client_id, storage.uses_azure_cli)
    with _usable("CancelStorage__tableServiceUri", "https://ACCOUNT.table.core.windows.net/"):
        return TableClient(storage.table_service_uri, TABLE, credential=credential, **_options())


@contextmanager
def _usable(setting: str, form: str) -> Iterator[None]:
    try:
        yield
    except ValueError:  # whose words may repeat the setting, with its key
        raise ConfigurationError("Storage", (f"{setting} is not of the form {form}",)) from None


def _options() -> dict[str, Any]:
    transport = storage_transport(storage_clock().observe)
    return {"retry_total": 0, "logging_enable": False, "transport": transport}


@cache
def _credential(client_id: str, uses_azure_cli: bool) -> Any:
    from azure.identity import AzureCliCredential, ManagedIdentityCredential

    if uses_azure_cli:
        return AzureCliCredential()
    return ManagedIdentityCredential(
        client_id=client_id or None,
        retry_total=0,
        connection_timeout=1,
        read_timeout=3,
    )
