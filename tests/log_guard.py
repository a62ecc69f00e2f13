"""Reads along with what the app and its libraries log in this process, as Azure would keep it."""

import logging

from shared.telemetry import LOGGER_NAME
from tests.e2e.clean_logs import leaks_in

# As the local host has it: libraries are heard from warnings on.
_LEVELS = {
    LOGGER_NAME: logging.INFO,
    **dict.fromkeys(("azure", "msal", "requests", "urllib3"), logging.WARNING),
}


class LogGuard(logging.Handler):
    """Remembers the lines that hold what no log may hold."""

    def __init__(self) -> None:
        """Hear nothing yet."""
        super().__init__()
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))
        self._leaks: list[str] = []

    def begin(self) -> None:
        """Hear every record that would be kept; the app's own would be dropped here by default."""
        for name, level in _LEVELS.items():
            logger = logging.getLogger(name)
            logger.addHandler(self)
            logger.setLevel(level)

    def end(self) -> None:
        """Hear nothing any more."""
        for name in _LEVELS:
            logging.getLogger(name).removeHandler(self)
            logging.getLogger(name).setLevel(logging.NOTSET)

    def emit(self, record: logging.LogRecord) -> None:
        """Look at one record, with its traceback."""
        if record.levelno >= _LEVELS[record.name.partition(".")[0]]:
            line = self.format(record)
            self._leaks += [f"{leak!r} in: {line}" for leak in leaks_in(line)]

    def taken(self) -> list[str]:
        """What was found since the last time."""
        found, self._leaks = self._leaks, []
        return found

    def check(self) -> None:
        """Fail for what was found."""
        found = self.taken()
        assert not found, "logged what no log may hold:\n" + "\n".join(found)
