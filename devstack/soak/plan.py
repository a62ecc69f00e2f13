"""What breaks when: drawn from a seed, so that the same seed breaks the same things again."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum


class Kind(StrEnum):
    """What can be made to go wrong."""

    HOST_KILLED = "functions host killed"
    STORAGE_STOPPED = "storage stopped"
    MAIL_REFUSED = "mail refused"
    MAIL_GONE = "mail server gone"
    MAIL_ANSWERS_LOST = "mail answers lost"
    CENTER_SLOW = "Partner Center slow"
    CENTER_WRONG = "Partner Center answers wrongly"
    CENTER_SILENT = "Partner Center says nothing"
    CENTER_GONE = "Partner Center gone"


@dataclass(frozen=True)
class PlannedTrouble:
    """One thing that goes wrong.

    Attributes:
        begins: When, in seconds from the start of the soak.
        lasts: For how long, in seconds; what takes longer to come back takes longer.
        variant: Which of several ways of it, as an index that any number of ways is taken modulo.
    """

    kind: Kind
    begins: float
    lasts: float
    variant: int


@dataclass(frozen=True)
class Lane:
    """Troubles of one part, one after the other; those of different parts overlap.

    Attributes:
        pause: Seconds between two of them, least and most.
        lasts: Seconds that one lasts, least and most.
    """

    kinds: tuple[Kind, ...]
    pause: tuple[float, float]
    lasts: tuple[float, float]


LANES = (
    Lane((Kind.HOST_KILLED,), pause=(3.0, 9.0), lasts=(0.0, 1.0)),
    Lane((Kind.STORAGE_STOPPED,), pause=(5.0, 14.0), lasts=(0.2, 2.0)),
    Lane(
        (Kind.MAIL_REFUSED, Kind.MAIL_ANSWERS_LOST, Kind.MAIL_GONE),
        pause=(0.5, 4.0),
        lasts=(0.5, 3.0),
    ),
    Lane(
        (Kind.CENTER_SLOW, Kind.CENTER_WRONG, Kind.CENTER_SILENT, Kind.CENTER_GONE),
        pause=(1.0, 5.0),
        lasts=(0.5, 3.0),
    ),
)


ALL_KINDS = frozenset(Kind)


def plan(
    seed: int, seconds: float, kinds: frozenset[Kind] = ALL_KINDS
) -> list[list[PlannedTrouble]]:
    """What goes wrong within so many seconds, lane by lane; each of the kinds once at least."""
    lanes = (
        replace(lane, kinds=tuple(kind for kind in lane.kinds if kind in kinds)) for lane in LANES
    )
    return [
        list(_planned(random.Random(f"{seed} {number}"), lane, seconds))  # noqa: S311 - no secret
        for number, lane in enumerate(lanes)
        if lane.kinds
    ]


def _planned(draw: random.Random, lane: Lane, seconds: float) -> Iterator[PlannedTrouble]:
    now, missing = 0.0, set(lane.kinds)
    for kind in _in_turns(draw, lane.kinds):
        now += draw.uniform(*lane.pause)
        lasts = draw.uniform(*lane.lasts)
        if now + lasts > seconds and not missing:
            return
        missing.discard(kind)
        yield PlannedTrouble(kind, now, lasts, draw.randrange(1000))
        now += lasts


def _in_turns(draw: random.Random, kinds: Sequence[Kind]) -> Iterator[Kind]:
    """All kinds in a random order, again and again."""
    while True:
        yield from draw.sample(kinds, len(kinds))
