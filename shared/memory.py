"""What the app has to remember beyond its requests, beside their rows in table ``cancellations``.

Its partition starts with a character that no publisher's id has, and its entities lack ``isOpen``,
so that no request is ever taken for one of them, or the other way round.
"""

import contextlib
from collections.abc import Callable
from typing import Any, Protocol

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.data.tables import TableClient, UpdateMode

from shared.errors import RowConflictError, StorageUnavailableError

PARTITION = "~app"
_TRIAL = "trial"


class Memory(Protocol):
    """Named texts. Both methods raise ``StorageUnavailableError`` when it is out of reach."""

    def read(self, name: str) -> tuple[str, str]:
        """The text and its version; both empty where there is none yet."""

    def write(self, name: str, text: str, version: str) -> str:
        """Write over the version that was read; returns the new one.

        Raises:
            RowConflictError: Somebody else has written since.
        """


class TableMemory:
    """The memory in the business storage account."""

    def __init__(self, client: TableClient) -> None:
        """Use this client, which must not retry by itself; a table that is missing is created."""
        self._client = client

    def read(self, name: str) -> tuple[str, str]:
        """The text and its version; both empty where there is none yet."""
        try:
            found = _called(lambda: self._client.get_entity(PARTITION, name))
        except ResourceNotFoundError:
            return "", ""
        return str(found["text"]), str(found.metadata["etag"])

    def write(self, name: str, text: str, version: str) -> str:
        """Write over the version that was read; returns the new one."""
        entity = {"PartitionKey": PARTITION, "RowKey": name, "text": text}
        try:
            return str(_called(lambda: self._written(entity, version))["etag"])
        except ResourceNotFoundError as error:
            if version:
                raise RowConflictError(f"{name} is gone") from error
        with contextlib.suppress(RowConflictError):  # somebody else has just made it
            _called(self._client.create_table)
        return str(_called(lambda: self._written(entity, version))["etag"])

    def try_out(self) -> None:
        """Write, read and delete, to find out whether all of it is allowed."""
        entity = {"PartitionKey": PARTITION, "RowKey": _TRIAL, "text": ""}
        _called(lambda: self._client.upsert_entity(entity, mode=UpdateMode.REPLACE))
        self.read(_TRIAL)
        _called(lambda: self._client.delete_entity(PARTITION, _TRIAL))

    def _written(self, entity: dict[str, Any], version: str) -> Any:
        if not version:
            return self._client.create_entity(entity)
        return self._client.update_entity(
            entity,
            mode=UpdateMode.REPLACE,
            etag=version,
            match_condition=MatchConditions.IfNotModified,
        )


def _called[T](call: Callable[[], T]) -> T:
    try:
        return call()
    except ResourceNotFoundError:
        raise
    except (ResourceExistsError, ResourceModifiedError) as error:
        raise RowConflictError("somebody else has written since") from error
    except AzureError as error:
        raise StorageUnavailableError(f"table: {_code(error)}") from error


def _code(error: AzureError) -> str:
    code = getattr(error, "error_code", None)
    status = error.status_code if isinstance(error, HttpResponseError) else None
    return str(getattr(code, "value", code) or status or type(error).__name__)
