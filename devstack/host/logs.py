"""What the app and the host log, as lines on standard output."""

import json
import logging
import sys

from azure_functions_runtime_v1 import invocation_id_cv

_NOISY_LOGGERS = ("azure", "urllib3")
_NOT_OF_THE_APP = ("devstack", "Function.", "azure_functions_runtime", "azure.functions", "uvicorn")


class LineFormatter(logging.Formatter):
    """``LEVEL logger: message``, but a JSON object stands alone on its line.

    The app logs its events as JSON objects, and whoever reads them (a test, ``jq``) needs no
    prefix to cut away.
    """

    def __init__(self) -> None:
        """Set the form of an ordinary line."""
        super().__init__("%(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        """Return the record's line; the base class adds the traceback if there is one."""
        return _as_json_line(record.message) or super().formatMessage(record)


def _as_json_line(message: str) -> str | None:
    if not message.lstrip().startswith("{"):
        return None
    try:
        value = json.loads(message)
    except ValueError:
        return None
    return json.dumps(value) if "\n" in message else message


def reaches_azure(record: logging.LogRecord) -> bool:
    """Whether a record would get out of the worker.

    What the app logs without an invocation's id is lost (azure-functions-python-worker issues 1358
    and 1860). The id is in a context variable, and a thread of the app's own starts without any.
    """
    return record.name.startswith(_NOT_OF_THE_APP) or invocation_id_cv.get() is not None


def log_to_stdout() -> None:
    """Send records of INFO and above to standard output, as far as they would reach Azure."""
    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(reaches_azure)
    handler.setFormatter(LineFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for name in _NOISY_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
