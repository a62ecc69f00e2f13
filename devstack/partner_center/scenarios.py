"""Scenarios: named settings of the simulator's knobs, read from `devstack/scenarios.toml`.

A scenario is data. No code asks for the name of one: what sets them apart is in the knobs, so
that a new scenario is a new table in the file.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct, field

from devstack.partner_center.faults import Fault

SCENARIO_FILE = Path(__file__).parents[1] / "scenarios.toml"


class ScenarioError(ValueError):
    """The scenario does not exist or a knob is wrong: mend the name or the knob."""


class Scenario(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The knobs; the attributes are the keys of a table in the scenario file."""

    description: str = ""

    # What is true.
    runs: bool = True
    """A publish runs from the start."""
    started_seconds_ago: float = 60
    queued_seconds: float = 0
    """The publish is `notStarted` for so long after it was created."""
    ends: Literal["succeeded", "failed", "canceled"] = "succeeded"
    """How the publish ends by itself (`canceled`: in the portal, by hand)."""
    ends_after_seconds: float = 3600
    """When it ends by itself, from the making of the offer."""
    ends_after_cancel_seconds: float | None = None
    """It ends by itself so long after the call to cancel."""
    past: Literal["", "succeeded", "failed", "canceled"] = ""
    """An earlier publish that ended so."""
    past_ended_seconds_ago: float = 3600
    next_publish_after_seconds: float | None = None
    """Another publish starts so long after the making of the offer."""
    publish_before_cancel: bool = False
    """The running publish succeeds and another starts just before the first call to cancel."""
    cancel_seconds: float = 2.5
    cancel_result: Literal["canceled", "failed", "ignored"] = "canceled"
    """`failed`: the cancel operation fails; `ignored`: accepted and nothing done."""

    # What the call to cancel is answered.
    cancel_status: Literal[200, 202] = 202
    location: str = (
        "/api/publishers/{publisher}/offers/{offer}/operations/{operation}?api-version=2017-10-31"
    )
    """May hold {base}, {publisher}, {offer}, {operation}, {cancel_operation}; empty for none."""
    location_in: Literal["Location", "Operation-Location", "body"] = "Location"

    # What reads say.
    list_lag_seconds: float = 0
    """An operation shows in list and status only so long after it was created."""
    list_order: Literal["newest-first", "oldest-first"] = "newest-first"
    cancel_operation_listed: bool = False
    words: dict[str, str] = field(default_factory=dict)
    """Other words for the true states, everywhere; then for one of the reads only."""
    list_words: dict[str, str] = field(default_factory=dict)
    operation_words: dict[str, str] = field(default_factory=dict)
    status_words: dict[str, str] = field(default_factory=dict)
    operation_as_array: bool = False
    sampled_fields_only: bool = False
    """Only the fields that the vendor's samples show: no creation date, no id in an operation."""
    clock_offset_seconds: float = 0
    time_zone: Literal["Z", "+00:00", ""] = "Z"

    faults: tuple[Fault, ...] = ()

    def __post_init__(self) -> None:
        """Refuses a location that could not be filled in when it is needed."""
        places = ("base", "publisher", "offer", "operation", "cancel_operation")
        try:
            self.location.format_map(dict.fromkeys(places, ""))
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(f"location knows only {', '.join(places)}, not {error}") from error


@cache
def scenarios() -> dict[str, Scenario]:
    """Every scenario of the file by its name.

    Raises:
        ScenarioError: The file has an unknown knob or a wrong value.
    """
    tables = tomllib.loads(SCENARIO_FILE.read_text(encoding="utf-8"))
    return {name: _convert(name, table) for name, table in tables.items()}


def scenario(name: str, knobs: Mapping[str, object]) -> Scenario:
    """The scenario of that name, with some of its knobs set otherwise.

    Raises:
        ScenarioError: There is no such scenario, no such knob, or the value is wrong.
    """
    known = scenarios()
    if name not in known:
        raise ScenarioError(f"no scenario {name!r}; there are: {', '.join(sorted(known))}")
    if not knobs:
        return known[name]
    return _convert(name, msgspec.to_builtins(known[name]) | msgspec.to_builtins(knobs))


def _convert(name: str, table: object) -> Scenario:
    try:
        return msgspec.convert(table, Scenario)
    except msgspec.ValidationError as error:
        raise ScenarioError(f"scenario {name!r}: {error}") from error
