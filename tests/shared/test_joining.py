"""Which of several requests sends the cancel call: the table, case by case."""

from datetime import timedelta
from typing import Any

import pytest

from shared.joining import Join, LetTwin, Wait, joined, turn_of
from shared.record import CANCEL_SENT, CancellationRecord, State
from tests.shared.builders import OTHER_ID, TARGET_ID, after, operation

FIRST_ID, SECOND_ID = (f"0000000{digit}-0000-4000-8000-000000000000" for digit in (1, 2))


def asked(seconds: float, request_id: str = FIRST_ID, **changes: Any) -> CancellationRecord:
    facts: dict[str, Any] = {
        "created_at": after(seconds),
        "last_step_at": after(seconds),
        **changes,
    }
    return CancellationRecord(
        request_id=request_id,
        publisher_id="contoso",
        offer_id="contoso-vm",
        source="http",
        requested_at=after(0),
        **facts,
    )


def mine(**changes: Any) -> CancellationRecord:
    return asked(10, SECOND_ID, **changes)


def turn(others: list[CancellationRecord], *, record: CancellationRecord | None = None) -> Any:
    return turn_of(record or mine(), operation(), others, after(20))


TAKEN: dict[str, Any] = {
    "state": State.PENDING,
    "pending_queued": True,
    "target_operation_id": TARGET_ID,
    "post_sent_at": after(1),
    "post_confirmed_at": after(2),
}


def test_who_is_alone_sends_its_own() -> None:
    assert turn([]) is None


@pytest.mark.parametrize("seconds", [0, 15], ids=["older", "younger"])
def test_a_call_that_was_taken_for_the_same_operation_is_joined(seconds: float) -> None:
    other = asked(seconds, **TAKEN)
    assert turn([other]) == Join(other)
    assert turn([asked(5, OTHER_ID), other]) == Join(other)


@pytest.mark.parametrize(
    "changes",
    [
        {"target_operation_id": OTHER_ID},
        {"target_operation_id": None},
        {"post_confirmed_at": None},
        {"pending_queued": False, "last_step_at": after(-60)},
    ],
    ids=["another operation", "no operation", "perhaps never arrived", "not followed"],
)
def test_what_may_not_be_a_call_for_the_same_operation_is_not_joined(
    changes: dict[str, Any],
) -> None:
    assert turn([asked(0, **{**TAKEN, **changes})]) is None


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"state": State.SUBMITTING, "post_sent_at": after(1)},
        {"requested_operation_id": TARGET_ID},
        {"last_step_at": after(20 - 59)},
    ],
    ids=["accepted", "sending", "named the same", "a minute ago"],
)
def test_an_older_one_that_is_about_to_send_is_waited_for(changes: dict[str, Any]) -> None:
    other = asked(0, **changes)
    assert turn([asked(11, OTHER_ID), other]) == Wait(other)


@pytest.mark.parametrize(
    "other",
    [
        asked(11),
        asked(10, OTHER_ID),
        asked(11, target_operation_id=OTHER_ID, post_sent_at=after(12)),
        asked(0, requested_operation_id=OTHER_ID),
        asked(0, last_step_at=after(20 - 60)),
        asked(0, state=State.PENDING, pending_queued=True, target_operation_id=TARGET_ID),
    ],
    ids=[
        "younger",
        "as old, by id",
        "sends for another",
        "means another",
        "stands still",
        "was refused",
    ],
)
def test_nobody_waits_for_others(other: CancellationRecord) -> None:
    assert turn([other]) is None


def test_a_younger_one_whose_call_is_under_way_is_waited_for() -> None:
    other = asked(11, state=State.SUBMITTING, target_operation_id=TARGET_ID, post_sent_at=after(12))
    assert turn([other]) == Wait(other)


def test_of_two_one_waits_for_the_other_and_never_both() -> None:
    for first, second in [(asked(3), mine()), (asked(10), mine()), (asked(17), mine())]:
        turns = [turn([second], record=first), turn([first], record=second)]
        assert sorted(type(each).__name__ for each in turns) == ["NoneType", "Wait"]


def test_a_call_of_its_own_that_may_have_arrived_goes_on() -> None:
    record = mine(post_sent_at=after(11))
    assert turn([asked(0, **TAKEN), asked(1)], record=record) is None


def test_nobody_shares_a_call_whose_operation_nobody_can_name() -> None:
    assert turn_of(mine(), None, [asked(0, **TAKEN), asked(1)], after(20)) is None


def test_who_joins_has_everything_of_the_call() -> None:
    location, hit = "/api/operations/a", (OTHER_ID,)
    other = asked(0, **TAKEN, location=location, newer_operations=hit, also_canceled=hit)
    changes = joined(other)
    assert changes["joined_request_id"] == other.request_id
    same = set(changes) - {"joined_request_id"}
    assert {name: changes[name] for name in same} == {name: getattr(other, name) for name in same}
    assert same >= {*TAKEN, "location", "newer_operations", "also_canceled"} - {
        "state",
        "pending_queued",
    }


def test_the_wait_is_shorter_than_the_patience() -> None:
    standing = asked(0)
    waited = [
        turn_of(mine(), operation(), [standing], after(10) + timedelta(seconds=seconds))
        for seconds in range(0, 120, 15)
    ]
    assert [each is None for each in waited] == [False] * 4 + [True] * 4


def sending(seconds: float, **changes: Any) -> CancellationRecord:
    return mine().with_step(after(seconds), CANCEL_SENT, post_sent_at=after(seconds), **changes)


def test_while_a_twin_is_sending_its_call_a_request_sends_no_other() -> None:
    assert turn([], record=sending(11)) == LetTwin()
    assert turn([asked(0, **TAKEN)], record=sending(11)) == LetTwin()


def test_a_call_whose_sender_says_nothing_for_a_minute_is_sent_again() -> None:
    assert turn_of(sending(11), operation(), [], after(11 + 60)) is None


def test_a_call_that_was_sent_and_put_back_is_sent_again() -> None:
    assert turn([], record=sending(11).with_step(after(12), "request-rescheduled")) is None
