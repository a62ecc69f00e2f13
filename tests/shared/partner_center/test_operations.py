import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.models import OperationState
from shared.partner_center.operations import (
    UnreadableAnswerError,
    parse_listing,
    parse_offer_status,
    parse_operation,
    state_of,
)
from shared.partner_center.protocol import OfferStatus
from tests.shared.builders import CANCEL_ID, OTHER_ID, TARGET_ID

NO_OFFSET = timedelta()
NOON = datetime(2026, 3, 4, 12, 0, 0, tzinfo=UTC)

MEANINGS = {
    OperationState.ACTIVE: [
        "notStarted",
        "not started",
        "queued",
        "running",
        "RUNNING",
        "inProgress",
        "In Progress",
        "in-progress",
        "in_progress",
        "waitingForPublisherReview",
        "Waiting For Approval",
        "pending",
        "blocked",
        "canceling",
        "cancelling",
    ],
    OperationState.CANCELED: ["canceled", "cancelled", "Canceled", "CANCELLED", " canceled\t"],
    OperationState.SUCCEEDED: ["succeeded", "complete", "completed", "Completed"],
    OperationState.FAILED: ["failed", "rejected", "Failed"],
    OperationState.UNKNOWN: ["aborted", "", "canceledd", "un\u0131que", "\u0441anceled"],
}


def item(**members: Any) -> dict[str, Any]:
    """An operation as the single-operation path shows it."""
    return {"id": TARGET_ID, "status": "running", **members}


@pytest.mark.parametrize(
    ("word", "state"),
    [(word, state) for state, words in MEANINGS.items() for word in words],
    ids=lambda value: repr(str(value)),
)
def test_words_are_compared_without_case_spaces_hyphens_and_underscores(
    word: str, state: OperationState
) -> None:
    assert state_of(word) is state


def test_only_ended_states_are_terminal() -> None:
    ended = {OperationState.CANCELED, OperationState.SUCCEEDED, OperationState.FAILED}
    assert {state for state in OperationState if state.is_terminal} == ended


@pytest.mark.parametrize(
    ("members", "word"),
    [
        ({"status": "canceled"}, "canceled"),
        ({"submissionState": "canceled"}, "canceled"),
        ({"status": "failed", "submissionState": "running"}, "failed"),
        ({"status": None, "submissionState": "running"}, "running"),
        ({"status": "", "submissionState": "running"}, "running"),
    ],
)
def test_the_status_counts_before_the_submission_state(members: dict[str, Any], word: str) -> None:
    assert parse_operation({"id": TARGET_ID, **members}, None, NO_OFFSET).word == word


def test_an_object_and_an_array_around_it_are_the_same() -> None:
    one = parse_operation(item(), TARGET_ID, NO_OFFSET)
    assert parse_operation([item()], TARGET_ID, NO_OFFSET) == one
    assert (one.id, one.state, one.word) == (TARGET_ID, OperationState.ACTIVE, "running")


def test_of_an_array_the_operation_that_was_asked_for_is_taken() -> None:
    body = [item(id=OTHER_ID, status="failed"), item(id=TARGET_ID.upper(), status="canceled")]
    assert parse_operation(body, TARGET_ID, NO_OFFSET).word == "canceled"
    assert parse_operation(body, CANCEL_ID, NO_OFFSET).word == "failed"


def test_an_id_is_in_lower_case_and_the_one_asked_for_where_there_is_none() -> None:
    assert parse_operation(item(id=TARGET_ID.upper()), None, NO_OFFSET).id == TARGET_ID
    assert parse_operation({"status": "running"}, TARGET_ID.upper(), NO_OFFSET).id == TARGET_ID
    assert parse_operation({"status": "running"}, "", NO_OFFSET).id == ""


UNREADABLE = {
    "nothing": None,
    "a number": 3,
    "text": "running",
    "an empty array": [],
    "an array of text": ["running"],
    "an array in an array": [[{"id": TARGET_ID, "status": "running"}]],
    "an empty object": {},
    "no state": {"id": TARGET_ID},
    "null as state": {"id": TARGET_ID, "status": None},
    "a number as state": {"id": TARGET_ID, "status": 4},
    "an object as state": {"id": TARGET_ID, "status": {"value": "running"}},
    "no id": {"status": "running"},
    "a number as id": {"id": 17, "status": "running"},
    "null as id": {"id": None, "status": "running"},
    "an error": {"error": {"code": "InternalServerError", "message": "Later."}},
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_no_operation_cannot_be_read(body: Any) -> None:
    with pytest.raises(UnreadableAnswerError):
        parse_operation(body, None, NO_OFFSET)


@pytest.mark.parametrize(
    "body",
    [value for value in UNREADABLE.values() if not isinstance(value, list)],
    ids=[name for name, value in UNREADABLE.items() if not isinstance(value, list)],
)
def test_a_list_counts_only_with_an_id_and_a_state_in_each_item(body: Any) -> None:
    with pytest.raises(UnreadableAnswerError):
        parse_listing(body, NO_OFFSET)
    with pytest.raises(UnreadableAnswerError):
        parse_listing([item(), body], NO_OFFSET)


def test_an_empty_list_is_a_list() -> None:
    assert parse_listing([], NO_OFFSET) == ()


TIMES = {
    "2026-03-04T12:00:00Z": NOON,
    "2026-03-04T12:00:00+00:00": NOON,
    "2026-03-04T14:00:00+02:00": NOON,
    "2026-03-04T12:00:00": NOON,
    " 2026-03-04T12:00:00Z ": NOON,
    "2026-03-04T12:00:00.1234567Z": NOON + timedelta(microseconds=123456),
    "2026-03-04T12:00:00.1234567": NOON + timedelta(microseconds=123456),
    "0001-01-01T00:00:00Z": None,
    "0001-01-01T00:00:00": None,
    "0001-01-01T00:00:00+14:00": None,
    "1999-12-31T23:59:59Z": None,
    "9999-12-31T23:59:59.9999999Z": None,
    "9999-12-31T23:59:59-14:00": None,
    "yesterday": None,
    "": None,
    "2026-13-04T12:00:00Z": None,
    "2026-03-04T25:00:00Z": None,
}


@pytest.mark.parametrize(("text", "time"), TIMES.items(), ids=[repr(text) for text in TIMES])
def test_a_time_is_utc_and_anything_else_is_none(text: str, time: datetime | None) -> None:
    body = item(status="failed", createdDateTime=text, lastActionDateTime=text)
    found = parse_operation(body, None, NO_OFFSET)
    assert (found.started_at, found.ended_at) == (time, time)


@pytest.mark.parametrize("value", [None, 5, 1.5, True, [], {}, ["2026-03-04T12:00:00Z"]])
def test_a_time_that_is_no_text_is_none(value: Any) -> None:
    assert parse_operation(item(createdDateTime=value), None, NO_OFFSET).started_at is None


@pytest.mark.parametrize("hours", [-24 * 365 * 9000, -3, 3, 24 * 365 * 9000])
def test_times_are_put_on_our_clock_or_left_out(hours: int) -> None:
    body = item(createdDateTime="2026-03-04T12:00:00Z")
    found = parse_operation(body, None, timedelta(hours=hours)).started_at
    assert found == (NOON - timedelta(hours=hours) if abs(hours) < 24 else None)


def test_the_start_is_the_created_time_and_nothing_else() -> None:
    found = parse_operation(item(changedTime="2026-03-04T12:00:00Z"), None, NO_OFFSET)
    assert found.started_at is None


def test_the_end_is_the_last_change_of_an_operation_that_has_ended() -> None:
    times = {"lastActionDateTime": "2026-03-04T12:00:00Z", "changedTime": "2026-03-04T13:00:00Z"}
    assert parse_operation(item(**times), None, NO_OFFSET).ended_at is None
    ended = item(status="canceled", **times)
    assert parse_operation(ended, None, NO_OFFSET).ended_at == NOON
    del ended["lastActionDateTime"]
    assert parse_operation(ended, None, NO_OFFSET).ended_at == NOON + timedelta(hours=1)


@pytest.mark.parametrize(
    ("status", "request_state", "expected"),
    [
        ("canceling", None, True),
        ("Cancelling", "canCancel", True),
        ("running", "canCancel", False),
        ("running", "Can Cancel", False),
        ("running", "cancelRequested", True),
        ("running", "", False),
        ("running", 7, False),
        ("succeeded", "cancelRequested", False),
        ("canceled", None, False),
    ],
)
def test_a_cancellation_under_way_is_seen(status: str, request_state: Any, expected: bool) -> None:
    body = item(status=status, cancellationRequestState=request_state)
    assert parse_operation(body, None, NO_OFFSET).is_being_canceled is expected


def ids_of(body: list[dict[str, Any]]) -> list[str]:
    return [operation.id for operation in parse_listing(body, NO_OFFSET)]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    "members",
    [
        [{"createdDateTime": "2026-03-04T12:00:00Z"}, {"createdDateTime": "2026-03-04T11:59:59Z"}],
        [{"changedTime": "2026-03-04T12:00:00Z"}, {"changedTime": "2026-03-04T13:00:00+02:00"}],
        [{"version": 636576975611768315}, {"version": 636576975611768314}],
        [{"changedTime": "2026-03-04T12:00:00Z"}, {"version": 636576975611768314}],
        [{"version": 1}, {"version": "2"}],
    ],
    ids=["by start", "by change", "by version", "dated before undated", "version as number only"],
)
def test_a_list_is_put_into_order_newest_first(
    members: list[dict[str, Any]], reverse: bool
) -> None:
    body = [item(**members[0]), item(id=OTHER_ID, **members[1])]
    assert ids_of(body[::-1] if reverse else body) == [TARGET_ID, OTHER_ID]


def test_cancel_operations_are_passed_over_whatever_they_lack() -> None:
    body = [{"submissionType": "Cancel"}, item(), item(id=OTHER_ID, submissionType="cancel")]
    assert ids_of(body) == [TARGET_ID]
    assert ids_of([item(submissionType="publish"), item(id=OTHER_ID, submissionType=None)]) == [
        TARGET_ID,
        OTHER_ID,
    ]


OFFER_WORDS = {
    "Running": (OperationState.ACTIVE, True),
    "waitingForPublisherReview": (OperationState.ACTIVE, True),
    "NeverPublished": (OperationState.UNKNOWN, False),
    "NotStarted": (OperationState.UNKNOWN, False),
    "not started": (OperationState.UNKNOWN, False),
    "succeeded": (OperationState.SUCCEEDED, False),
    "Completed": (OperationState.SUCCEEDED, False),
    "complete": (OperationState.SUCCEEDED, False),
    "Canceled": (OperationState.CANCELED, False),
    "cancelled": (OperationState.CANCELED, False),
    "Failed": (OperationState.FAILED, False),
    "Published": (OperationState.ACTIVE, True),
}


@pytest.mark.parametrize(("word", "expected"), OFFER_WORDS.items(), ids=OFFER_WORDS)
def test_an_offer_has_words_of_its_own(word: str, expected: tuple[OperationState, bool]) -> None:
    state, is_active = expected
    found = parse_offer_status({"status": word, "steps": []})
    assert found == OfferStatus(state=state, word=word)
    assert found.is_active is is_active


def test_only_an_unknown_offer_word_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    for word in OFFER_WORDS:
        parse_offer_status({"status": word})
    assert [json.loads(line)["word"] for line in caplog.messages] == ["Published"]
    assert {record.levelname for record in caplog.records} == {"WARNING"}


@pytest.mark.parametrize("body", [None, [], "Running", {}, {"status": None}, {"status": ""}])
def test_an_offer_without_a_status_cannot_be_read(body: Any) -> None:
    with pytest.raises(UnreadableAnswerError):
        parse_offer_status(body)
