"""``on=``: the events that a webhook's URL asks for a cancellation at."""

import re
from dataclasses import dataclass
from typing import Self

from shared.http_answers import bad_request

MAX_NAMES = 20
_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}(?:\.[A-Za-z0-9_-]{1,100}){0,9}")


@dataclass(frozen=True)
class OnFilter:
    """The names of events, as the URL lists them, in lower case."""

    names: tuple[str, ...]

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """Read a comma list of ``event[.action[.conclusion]]``.

        Raises:
            ProblemError: 400 without any name, since to cancel at every event is never meant; or
                for a name that no event can have.
        """
        names = [name.strip() for name in (text or "").split(",") if name.strip()]
        if not names:
            raise bad_request(
                "on in the query is missing: the events to cancel at, such as"
                " on=release.deleted,workflow_run.completed.cancelled"
            )
        if len(names) > MAX_NAMES:
            raise bad_request(f"on in the query has more than {MAX_NAMES} names")
        for position, name in enumerate(names, start=1):
            if not _NAME.fullmatch(name):
                raise bad_request(
                    f"on in the query: name {position} must be event[.action[.conclusion]]"
                    " of letters, digits, '-' and '_'; there are no wildcards"
                )
        return cls(tuple(name.lower() for name in names))

    def matches(self, names: tuple[str, ...]) -> bool:
        """Whether one of the event's names is listed; in full, never a part of one."""
        return not set(self.names).isdisjoint(names)

    def __str__(self) -> str:
        """As it may stand in a URL."""
        return ",".join(self.names)
