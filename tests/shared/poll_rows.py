"""The table of polls: what is read, in which order, and what follows."""

from typing import Any, NamedTuple

from shared.observation import Reading
from tests.shared.builders import (
    CANCEL_ID,
    CANCEL_LOCATION,
    OTHER_ID,
    OWN_LOCATION,
    SLOT_LOCATION,
    offer_status,
    operation,
)
from tests.shared.polls import World

LOCATION, TARGET, LISTING, STATUS = (
    Reading.LOCATION,
    Reading.TARGET,
    Reading.LISTING,
    Reading.STATUS,
)
OWN: dict[str, Any] = {"location": OWN_LOCATION}
CANCEL: dict[str, Any] = {"location": CANCEL_LOCATION}
SLOT: dict[str, Any] = {"location": SLOT_LOCATION}
NONE: dict[str, Any] = {"location": None}
NO_TARGET: dict[str, Any] = {"location": None, "target_operation_id": None}
CANCEL_RUNS = operation("running", CANCEL_ID)
CANCEL_DONE = operation("succeeded", CANCEL_ID)
CANCEL_FAILED = operation("failed", CANCEL_ID)
RUNS, CANCELED, DONE, FAILED = map(operation, ("running", "canceled", "completed", "failed"))
OTHER = operation("running", OTHER_ID)
BUSY = offer_status("Running", is_active=True)


class Row(NamedTuple):
    """A poll: what it reads, in this order, and the outcome, empty to poll again."""

    state: dict[str, Any]
    world: World
    readings: list[Reading]
    outcome: str


ROWS: dict[str, Row] = {
    "the target's own Location says it still runs": Row(OWN, World(location=RUNS), [LOCATION], ""),
    "the target's own Location says canceled": Row(
        OWN, World(location=CANCELED), [LOCATION], "canceled"
    ),
    "the target's own Location says completed, and so does the list": Row(
        OWN, World(location=DONE, listing=(DONE,)), [LOCATION, LISTING], "completed-first"
    ),
    "the target's own Location says failed, and so does the list": Row(
        OWN, World(location=FAILED, listing=(FAILED,)), [LOCATION, LISTING], "failed-first"
    ),
    "the target's own Location says completed, the list says canceled": Row(
        OWN, World(location=DONE, listing=(CANCELED,)), [LOCATION, LISTING], "canceled"
    ),
    "the target's own Location says failed, the list says canceled": Row(
        OWN, World(location=FAILED, listing=(OTHER, CANCELED)), [LOCATION, LISTING], "canceled"
    ),
    "the target's own Location says completed, the list says it runs": Row(
        OWN, World(location=DONE, listing=(RUNS,)), [LOCATION, LISTING], ""
    ),
    "the target's own Location says completed, the list does not have it": Row(
        OWN, World(location=DONE, listing=(OTHER,)), [LOCATION, LISTING], "completed-first"
    ),
    "the target's own Location says completed, there is no list": Row(
        OWN,
        World(location=DONE, status=offer_status("Succeeded")),
        [LOCATION, LISTING, STATUS],
        "completed-first",
    ),
    "the target's own Location says completed, there is no list, the status says canceled": Row(
        OWN,
        World(location=DONE, status=offer_status("Canceled")),
        [LOCATION, LISTING, STATUS],
        "",
    ),
    "the target's own Location says a word that nobody knows, the list says canceled": Row(
        OWN,
        World(location=operation("aborted"), listing=(CANCELED,)),
        [LOCATION, LISTING],
        "canceled",
    ),
    "the target's own Location says a word that nobody knows, and so does the list": Row(
        OWN,
        World(location=operation("aborted"), listing=(operation("aborted"),)),
        [LOCATION, LISTING],
        "",
    ),
    "a Location that failed three times in a row is passed over": Row(
        {**OWN, "failures": 3}, World(target=CANCELED), [TARGET], "canceled"
    ),
    "the target's own Location is gone, the target is found by its path": Row(
        OWN, World(target=CANCELED), [LOCATION, TARGET], "canceled"
    ),
    "the target's paths are gone, the list has it": Row(
        OWN, World(listing=(CANCELED,)), [LOCATION, TARGET, LISTING], "canceled"
    ),
    "the target's paths are gone, the list has it running": Row(
        OWN, World(listing=(RUNS,)), [LOCATION, TARGET, LISTING], ""
    ),
    "the target's paths are gone, the list has it completed": Row(
        OWN, World(listing=(DONE,)), [LOCATION, TARGET, LISTING], "completed-first"
    ),
    "the target is nowhere": Row(
        OWN, World(status=offer_status("Canceled")), [LOCATION, TARGET, LISTING, STATUS], ""
    ),
    "a cancel operation runs: the target is not looked at": Row(
        CANCEL, World(location=CANCEL_RUNS, target=CANCELED), [LOCATION], ""
    ),
    "a cancel operation succeeded, the target runs on": Row(
        CANCEL, World(location=CANCEL_DONE, target=RUNS), [LOCATION, TARGET], ""
    ),
    "a cancel operation succeeded, the target is canceled": Row(
        CANCEL, World(location=CANCEL_DONE, target=CANCELED), [LOCATION, TARGET], "canceled"
    ),
    "a cancel operation succeeded, the target completed first": Row(
        CANCEL,
        World(location=CANCEL_DONE, target=DONE, listing=(DONE,)),
        [LOCATION, TARGET, LISTING],
        "completed-first",
    ),
    "a cancel operation succeeded, the target is only in the list": Row(
        CANCEL,
        World(location=CANCEL_DONE, listing=(CANCELED,)),
        [LOCATION, TARGET, LISTING],
        "canceled",
    ),
    "a cancel operation that is itself canceled decides nothing": Row(
        CANCEL,
        World(location=operation("canceled", CANCEL_ID), target=RUNS),
        [LOCATION, TARGET],
        "",
    ),
    "a cancel operation is gone": Row(
        CANCEL, World(target=CANCELED), [LOCATION, TARGET], "canceled"
    ),
    "a cancel operation failed, the target was canceled all the same": Row(
        CANCEL, World(location=CANCEL_FAILED, target=CANCELED), [LOCATION, TARGET], "canceled"
    ),
    "a slot's Location runs": Row(SLOT, World(location=operation("running", "")), [LOCATION], ""),
    "a slot's Location has ended, the target decides": Row(
        SLOT,
        World(location=operation("canceled", ""), target=FAILED, listing=(FAILED,)),
        [LOCATION, TARGET, LISTING],
        "failed-first",
    ),
    "without a Location the target decides": Row(
        NONE, World(target=CANCELED), [TARGET], "canceled"
    ),
    "without a Location the target runs": Row(NONE, World(target=RUNS), [TARGET], ""),
    "without a target the offer's status runs": Row(NO_TARGET, World(status=BUSY), [STATUS], ""),
    "without a target the offer's status is canceled": Row(
        NO_TARGET, World(status=offer_status("Canceled")), [STATUS], "canceled"
    ),
    "without a target the offer's status succeeded": Row(
        NO_TARGET, World(status=offer_status("Succeeded")), [STATUS], "completed-first"
    ),
    "without a target the offer's status failed": Row(
        NO_TARGET, World(status=offer_status("Failed")), [STATUS], "failed-first"
    ),
    "without a target the offer was never published": Row(
        NO_TARGET, World(status=offer_status("NeverPublished")), [STATUS], ""
    ),
    "without a target a running cancel operation is waited for": Row(
        {**NO_TARGET, **CANCEL}, World(location=CANCEL_RUNS), [LOCATION], ""
    ),
    "without a target a canceled operation at the Location is not believed": Row(
        {**NO_TARGET, **CANCEL},
        World(location=operation("canceled", CANCEL_ID), status=offer_status("Failed")),
        [LOCATION, STATUS],
        "failed-first",
    ),
    "without a target a slot that has ended only means the offer's status": Row(
        {**NO_TARGET, **SLOT},
        World(location=operation("completed", ""), status=offer_status("Canceled")),
        [LOCATION, STATUS],
        "canceled",
    ),
}
