"""Calls to table ``cancellations``: what their errors mean to the app."""

from collections.abc import Callable

from azure.core.exceptions import AzureError, HttpResponseError

from shared.errors import OfferCancelError, RowConflictError, StorageUnavailableError

TABLE = "cancellations"
_NO_TABLE = "TableNotFound"
_CONFLICTS = frozenset({"EntityAlreadyExists", "TableAlreadyExists"})


class EntityMissingError(OfferCancelError):
    """There is no such entity; the caller knows what that means."""


class TableMissingError(StorageUnavailableError):
    """The table is not there: create it, or take it for empty."""


def translated[T](call: Callable[[], T]) -> T:
    """What the call returns; a transaction's error is that of the operation that it failed by.

    Raises:
        EntityMissingError: What should be read or changed is not there.
        TableMissingError: The table is not there.
        RowConflictError: The entity exists, or was written since it was read.
        StorageUnavailableError: Anything else.
    """
    try:
        return call()
    except HttpResponseError as error:
        raise _meant(error) from error
    except AzureError as error:
        raise StorageUnavailableError(f"table {TABLE}: {type(error).__name__}") from error


def _meant(error: HttpResponseError) -> OfferCancelError:
    code = getattr(error, "error_code", None)
    word = str(getattr(code, "value", code) or error.status_code or type(error).__name__)
    sentence = f"table {TABLE}: {word}"
    if error.status_code == 404:
        # An insert may be told 404 without a code, which can only mean the table.
        is_table = code is None or word == _NO_TABLE
        return TableMissingError(sentence) if is_table else EntityMissingError(sentence)
    if error.status_code == 412 or word in _CONFLICTS:
        return RowConflictError(sentence)
    return StorageUnavailableError(sentence)
