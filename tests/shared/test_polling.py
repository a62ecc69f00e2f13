from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.models import Operation, OperationState, OutcomeName, Refusal
from shared.polling import Finished, PollAgain
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
from tests.shared.poll_rows import (
    BUSY,
    CANCEL,
    CANCEL_DONE,
    CANCEL_FAILED,
    CANCELED,
    DONE,
    FAILED,
    LISTING,
    NO_TARGET,
    NONE,
    ROWS,
    RUNS,
    Row,
)
from tests.shared.polls import MOST_READINGS, World, poll


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
