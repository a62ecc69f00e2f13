"""Workers that die: wrappers around real collaborators that end the work at a chosen effect."""

from collections.abc import Callable
from typing import Any

_EFFECTS = frozenset({"insert", "replace", "remove", "put", "update", "delete", "cancel", "send"})


class CrashError(Exception):
    """The worker dies here. Nothing in the app knows this exception."""


class Fate:
    """Counts effects, whoever has them, and ends the worker at one of them, once."""

    def __init__(
        self,
        at: int | None = None,
        *,
        after: bool = False,
        error: Callable[[], Exception] = CrashError,
    ) -> None:
        """Strike at the effect of that number, before or after it was had.

        Args:
            at: From 0 on; None never strikes.
            after: Whether the effect is had before the worker dies.
            error: What is raised.
        """
        self._at = at
        self._after = after
        self._error = error
        self.effects: list[str] = []

    @property
    def has_struck(self) -> bool:
        """Whether the worker died."""
        return self._at is not None and len(self.effects) > self._at

    def over(self, name: str, real: object) -> Any:
        """The same collaborator, under this fate."""
        return _Mortal(self, name, real)

    def meet(self, effect: str, work: Callable[[], Any]) -> Any:
        """Have one effect, or die."""
        number = len(self.effects)
        self.effects.append(effect)
        if number == self._at and not self._after:
            raise self._error()
        result = work()
        if number == self._at:
            raise self._error()
        return result


class _Mortal:
    def __init__(self, fate: Fate, name: str, real: object) -> None:
        self._fate, self._name, self._real = fate, name, real

    def __getattr__(self, method: str) -> Any:
        real = getattr(self._real, method)
        if method not in _EFFECTS:
            return real
        effect = f"{self._name}.{method}"
        return lambda *given, **named: self._fate.meet(effect, lambda: real(*given, **named))
