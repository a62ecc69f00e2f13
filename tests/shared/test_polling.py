from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.models import Operation, OperationState, OutcomeName, Refusal
from shared.polling import Finished, PollAgain, Reading
from tests.shared.builders import (
    CANCEL_ID,
    CANCEL_LOCATION,
    OTHER_ID,
    OWN_LOCATION,
    SLOT_LOCATION,
    TARGET_ID,
    after,
    offer_status,
    operation,
    pending,
)
from tests.shared.polls import MOST_READINGS, World, poll

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
        OWN, World(location=DONE), [LOCATION, LISTING], "completed-first"
    ),
    "the target's own Location says a word that nobody knows": Row(
        OWN, World(location=operation("aborted")), [LOCATION], ""
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
    "the target is nowhere": Row(OWN, World(), [LOCATION, TARGET, LISTING], ""),
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


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_poll_reads_what_it_needs_and_judges_by_it(row: Row) -> None:
    done = poll(pending(**row.state), row.world)
    assert (done.readings, done.outcome) == (row.readings, row.outcome)


def test_an_outcome_keeps_partner_centers_word_and_when_the_operation_ended() -> None:
    ended = operation("Cancelled", ended_at=after(12))
    end = poll(pending(), World(location=ended)).end
    assert isinstance(end, Finished)
    assert (end.outcome.operation_state, end.outcome.ended_at) == ("Cancelled", after(12))
    assert end.outcome.at == after(20)
    assert (end.pending.last_state, end.pending.last_state_at) == ("Cancelled", after(20))


def test_a_cancel_operation_that_failed_needs_the_target_running_30_seconds_later() -> None:
    world = World(location=CANCEL_FAILED, target=RUNS)
    first = poll(pending(**CANCEL), world, after(20))
    assert first.pending.cancel_failed_at == after(20)
    soon = poll(first.pending, world, after(49.9))
    assert (soon.outcome, soon.pending.cancel_failed_at) == ("", after(20))
    late = poll(soon.pending, world, after(50))
    assert late.outcome == "cancel-failed"
    assert isinstance(late.end, Finished)
    assert late.end.outcome.operation_state == "running"


@pytest.mark.parametrize(
    ("world", "outcome"),
    [
        (World(location=CANCEL_FAILED, target=CANCELED), "canceled"),
        (World(location=CANCEL_FAILED, target=DONE, listing=(DONE,)), "completed-first"),
    ],
    ids=["canceled after all", "completed meanwhile"],
)
def test_a_cancel_operation_that_failed_says_nothing_of_a_target_that_ended(
    world: World, outcome: str
) -> None:
    state = pending(**CANCEL, cancel_failed_at=after(20))
    assert poll(state, world, after(60)).outcome == outcome


@pytest.mark.parametrize(
    "world",
    [
        World(location=CANCEL_DONE, target=RUNS),
        World(location=CANCEL_FAILED),
        World(location=CANCEL_FAILED, target=operation("aborted")),
    ],
    ids=["the cancel operation is well again", "the target is nowhere", "its word is unknown"],
)
def test_what_does_not_show_the_cancel_failed_starts_its_30_seconds_anew(world: World) -> None:
    done = poll(pending(**CANCEL, cancel_failed_at=after(20)), world, after(60))
    assert (done.outcome, done.pending.cancel_failed_at) == ("", None)


def test_the_target_failing_at_its_own_location_is_no_failed_cancel() -> None:
    world = World(location=FAILED, listing=(RUNS,))
    assert poll(pending(cancel_failed_at=after(0)), world, after(60)).outcome == ""


def test_without_a_target_a_failed_cancel_needs_the_offer_to_run_30_seconds_later() -> None:
    state = pending(**{**NO_TARGET, **CANCEL})
    world = World(location=CANCEL_FAILED, status=BUSY)
    first = poll(state, world, after(20))
    assert poll(first.pending, world, after(50)).outcome == "cancel-failed"


def test_a_refusal_that_was_kept_does_not_decide_what_the_target_does() -> None:
    refused = pending(**NONE, refusal=Refusal(status_code=409, code="Conflict"))
    assert poll(refused, World(target=RUNS)).outcome == ""
    assert poll(refused, World(target=CANCELED)).outcome == "canceled"


WORDS = st.sampled_from(["running", "canceled", "completed", "failed", "aborted", "canceling"])
ANY_WORLD = st.builds(
    World,
    location=st.none()
    | st.builds(operation, WORDS, st.sampled_from([TARGET_ID, CANCEL_ID, OTHER_ID, ""])),
    target=st.none() | st.builds(operation, WORDS),
    listing=st.none()
    | st.lists(
        st.builds(operation, WORDS, st.sampled_from([TARGET_ID, CANCEL_ID, OTHER_ID])),
        max_size=3,
        unique_by=lambda o: o.id,
    ).map(tuple),
    status=st.sampled_from([BUSY, *map(offer_status, ["Canceled", "Failed", "NeverPublished"])]),
)
ANY_PENDING = st.builds(
    pending,
    location=st.sampled_from([OWN_LOCATION, CANCEL_LOCATION, SLOT_LOCATION, None]),
    target_operation_id=st.sampled_from([TARGET_ID, None]),
    newer_operations=st.sampled_from([(), None, (OTHER_ID,)]),
    cancel_failed_at=st.sampled_from([None, after(0)]),
    readable_seconds=st.sampled_from([0.0, 7201.0]),
)


@given(ANY_PENDING, ANY_WORLD)
def test_a_poll_ends_after_each_reading_was_made_at_most_once(state: Any, world: World) -> None:
    done = poll(state, world, after(60))
    assert len(done.readings) <= MOST_READINGS
    assert isinstance(done.end, PollAgain | Finished)


@given(ANY_PENDING, ANY_WORLD)
def test_canceled_is_only_said_when_a_reading_of_the_target_says_so(
    state: Any, world: World
) -> None:
    done = poll(state, world, after(60))
    if done.outcome == OutcomeName.CANCELED:
        said: list[Operation | None] = [world.target, *(world.listing or ()), world.location]
        of_target = [o for o in said if o and o.id in (TARGET_ID, "")]
        status = [world.status] if state.target_operation_id is None and world.status else []
        assert OperationState.CANCELED in [
            *(o.state for o in of_target),
            *(s.state for s in status),
        ]


@given(ANY_PENDING, ANY_WORLD)
def test_nothing_else_is_said_of_a_target_that_a_reading_showed_canceled(
    state: Any, world: World
) -> None:
    done = poll(state, world, after(60))
    listed = [o for o in world.listing or () if o.id == TARGET_ID]
    if LISTING in done.readings and state.target_operation_id == TARGET_ID and listed:
        is_canceled = listed[0].state is OperationState.CANCELED
        assert not is_canceled or done.outcome == OutcomeName.CANCELED
