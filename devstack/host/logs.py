"""What the app and the host log, as lines on standard output."""

import json
import logging
import sys

_NOISY_LOGGERS = ("azure", "urllib3")


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


def log_to_stdout() -> None:
    """Send every record of INFO and above to standard output."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(LineFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for name in _NOISY_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
