"""Reads settings from the environment, each kind in its own way."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from shared.errors import ConfigurationError, InvalidRequestError

_WEEK = timedelta(days=7)
# What a setting says as long as Azure could not put the secret in its place.
_REFERENCE = "@Microsoft.KeyVault("
UNRESOLVED = "is a Key Vault reference that Azure could not resolve"

type Environment = Mapping[str, str]


class SettingsReader:
    """Reads the settings of one part, collecting their problems instead of stopping at one."""

    def __init__(self, part: str, environ: Environment) -> None:
        """Read from ``environ`` for a part that is named like this."""
        self._part = part
        self._environ = environ
        self._problems: list[str] = []

    def text(self, name: str, default: str = "") -> str:
        """The setting without the blanks around it; a problem if its secret is not to be had."""
        text = self._environ.get(name, "").strip()
        if text.startswith(_REFERENCE):
            self.problem(name, UNRESOLVED)
        return text or default

    def items(self, name: str) -> list[str]:
        """The items of a comma list, none of them empty."""
        return [item.strip() for item in self.text(name).split(",") if item.strip()]

    def duration(
        self, name: str, default: float, unit: timedelta, most: timedelta = _WEEK
    ) -> timedelta:
        """A number of units above 0, decimals allowed."""
        try:
            value = float(self.text(name, str(default)))
            if 0 < value * unit.total_seconds() <= most.total_seconds():
                return value * unit
        except ValueError:
            pass
        self.problem(name, f"must be a number above 0, at most {most.days} days")
        return default * unit

    def count(self, name: str, default: int) -> int:
        """A whole number from 1 to 256."""
        value = self.text(name, str(default))
        if value.isascii() and value.isdigit() and len(value) <= 5 and 1 <= int(value) <= 256:
            return int(value)
        self.problem(name, "must be a whole number from 1 to 256")
        return default

    def parsed[T, D](self, name: str, parse: Callable[[str], T], default: D) -> T | D:
        """What ``parse`` makes of it; the default for one that is not set, or is wrong."""
        text = self.text(name)
        try:
            return parse(text) if text and not text.startswith(_REFERENCE) else default
        except (InvalidRequestError, ValueError) as error:
            self.problem(name, str(error))
            return default

    def require(self, name: str, alternative: str, meaning: str) -> None:
        """Note a problem if it is not set: what it means, and what may be set instead."""
        if not self.text(name):
            self.problem(name, f"is missing{f' ({alternative})' if alternative else ''}: {meaning}")

    def problem(self, name: str, what: str) -> None:
        """Note what is wrong with a setting."""
        problem = f"{name} {what}"
        if problem not in self._problems:
            self._problems.append(problem)

    def checked[T](self, settings: T) -> T:
        """The settings; ``ConfigurationError`` with every problem that was noted."""
        self.finish()
        return settings

    def finish(self) -> None:
        """Raise ``ConfigurationError`` if there was any problem."""
        if self._problems:
            raise ConfigurationError(self._part, tuple(self._problems))
