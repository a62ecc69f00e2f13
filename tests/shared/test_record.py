from typing import Any

import pytest

from shared.models import CancelRequest, Metadata, Outcome, OutcomeName, Refusal, from_json, to_json
from shared.record import (
    MAX_STEPS,
    CancellationRecord,
    Mail,
    State,
    new_record,
    pending_message,
    request_message,
)
from tests.shared.builders import (
    OTHER_ID,
    OWN_LOCATION,
    REQUEST_ID,
    REQUESTED,
    TARGET_ID,
    after,
    pending,
)

TABLE_COLUMN_CHARACTERS = 32 * 1024
EMAILS = ("a@contoso.com", "b@contoso.com")


def record(**changes: Any) -> CancellationRecord:
    """A request's first row, by HTTP, with what is changed."""
    request = CancelRequest(
        publisher_id="Contoso",
        offer_id="contoso-vm",
        operation_id=changes.pop("operation_id", None),
        reason=changes.pop("reason", None),
    )
    values: dict[str, Any] = {
        "request_id": REQUEST_ID.upper(),
        "requested_at": REQUESTED,
        "source": "http",
        "emails": EMAILS,
        "dropped_emails": 2,
        "now": after(1),
        **changes,
    }
    return new_record(request, **values)


def test_a_first_row_keeps_the_request_in_its_normal_form() -> None:
    row = record(operation_id=TARGET_ID.upper(), reason="wrong image")
    assert (row.request_id, row.requested_operation_id) == (REQUEST_ID, TARGET_ID)
    assert (row.publisher_id, row.offer_id) == ("Contoso", "contoso-vm")
    assert (row.reason, row.source) == ("wrong image", "http")
    assert (row.requested_at, row.created_at, row.last_step_at) == (REQUESTED, after(1), after(1))
    assert (row.emails, row.email_count, row.dropped_emails) == (EMAILS, 2, 2)


def test_a_first_row_has_done_nothing_yet() -> None:
    row = record()
    assert (row.state, row.mail, row.notice) == (State.ACCEPTED, Mail.NONE, Mail.NONE)
    assert (row.attempt, row.post_sent_at, row.pending_queued) == (0, None, False)
    assert (row.reason, row.requested_operation_id, row.target_operation_id) == ("", None, None)
    assert [(step.at, step.step, step.detail) for step in row.history] == [
        (after(1), "request-accepted", "by http")
    ]


def test_a_row_is_open_until_it_has_an_outcome() -> None:
    row = record()
    assert row.is_open
    ended = row.with_step(
        after(5), "ended", outcome=Outcome(name=OutcomeName.CANCELED, at=after(5))
    )
    assert not ended.is_open


def test_a_step_changes_a_copy_and_says_when() -> None:
    row = record()
    later = row.with_step(after(9), "cancellation-pending", "d", state=State.PENDING, attempt=2)
    assert (row.state, len(row.history)) == (State.ACCEPTED, 1)
    assert (later.state, later.attempt, later.last_step_at) == (State.PENDING, 2, after(9))
    assert (later.history[-1].at, later.history[-1].step) == (after(9), "cancellation-pending")


def test_a_long_history_keeps_its_first_ten_steps_and_the_last() -> None:
    row = record()
    for number in range(1, 500):
        row = row.with_step(after(number), f"step {number}")
        assert len(row.history) <= MAX_STEPS
    names = [step.step for step in row.history]
    assert names[:10] == ["request-accepted", *(f"step {number}" for number in range(1, 10))]
    assert names[10:] == [f"step {number}" for number in range(450, 500)]


@pytest.mark.parametrize(
    ("detail", "kept"),
    [
        ("x" * 5000, "x" * 200),
        ("mail to a@contoso.com", "mail to <hidden>"),
        ("Bearer abc", "<hidden>"),
        ("half \ud800", "half ?"),
    ],
    ids=["long", "an address", "a token", "half a surrogate pair"],
)
def test_a_detail_is_short_and_free_of_addresses(detail: str, kept: str) -> None:
    assert record().with_step(after(5), "step", detail).history[-1].detail == kept


@pytest.mark.parametrize("text", ["\x01", "\u6f22", "\U0001f600", "x", '"'], ids=ascii)
def test_the_longest_history_fits_a_column_of_the_table(text: str) -> None:
    row = record()
    for number in range(MAX_STEPS + 5):
        row = row.with_step(after(number + 0.123456), "request-rescheduled", text * 1000)
    assert len(row.history) == MAX_STEPS
    assert len(to_json(row.history)) <= TABLE_COLUMN_CHARACTERS
    assert text * 25 in row.history[-1].detail


def test_what_goes_back_onto_the_queue_carries_what_is_known() -> None:
    row = record(operation_id=OTHER_ID, reason="why").with_step(after(5), "step", attempt=4)
    assert request_message(row, last_error="503") == CancelRequest(
        publisher_id="Contoso",
        offer_id="contoso-vm",
        metadata=Metadata(notification_emails="a@contoso.com,b@contoso.com"),
        operation_id=OTHER_ID,
        reason="why",
        request_id=REQUEST_ID,
        requested_at=REQUESTED,
        attempt=4,
        last_error="503",
    )


def test_what_goes_back_names_the_target_once_it_is_known() -> None:
    row = record(operation_id=OTHER_ID)
    settled = row.with_step(after(5), "step", target_operation_id=TARGET_ID)
    assert request_message(row).operation_id == OTHER_ID
    assert request_message(settled).operation_id == TARGET_ID
    assert request_message(record()).operation_id is None


def test_what_goes_back_is_read_back() -> None:
    message = request_message(record(emails=()))
    assert from_json(to_json(message), CancelRequest) == message
    assert message.notification_emails == ""


def test_a_pending_message_is_the_whole_state_of_the_cancellation() -> None:
    outcome = Outcome(name=OutcomeName.CANCELED, at=after(30))
    refusal = Refusal(status_code=409, code="Conflict")
    known: dict[str, Any] = {
        "post_sent_at": after(10),
        "target_operation_id": TARGET_ID,
        "location": OWN_LOCATION,
        "refusal": refusal,
        "last_state": "running",
        "last_state_at": after(10),
        "last_error": "503",
        "newer_operations": None,
        "also_canceled": (OTHER_ID,),
        "outcome": outcome,
    }
    row = record(reason="why").with_step(after(20), "cancel-sent", **known)
    message = pending_message(row)
    assert message == pending(
        publisher_id="Contoso",
        reason="why",
        notification_emails=EMAILS,
        dropped_emails=2,
        recorded_at=after(20),
        **known,
    )
    assert type(message).__struct_fields__
    assert from_json(to_json(message), type(message)) == message


def test_a_pending_message_starts_with_no_poll_and_everybody_to_mail() -> None:
    message = pending_message(record())
    assert (message.polls, message.failures, message.checkpoints) == (0, 0, 0)
    assert (message.notification_emails, message.remaining_emails) == (EMAILS, None)
    assert (message.outcome, message.location, message.post_sent_at) == (None, None, None)


@pytest.mark.parametrize(
    ("attempt", "own"), [(0, 0), (7, 7), (-1, 0), (True, 0), ("3", 0), (10**30, 0), (None, 0)]
)
def test_only_a_count_of_our_own_is_an_attempt(attempt: object, own: int) -> None:
    request = CancelRequest(publisher_id="contoso", offer_id="contoso-vm", attempt=attempt)
    assert request.own_attempt == own
