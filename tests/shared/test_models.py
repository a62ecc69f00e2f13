import contextlib
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidRequestError
from shared.models import (
    CancelBody,
    CancelRequest,
    Metadata,
    Outcome,
    OutcomeName,
    PendingCancellation,
    Refusal,
    from_json,
    to_json,
    utc_now,
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

REQUEST = CancelRequest(
    publisher_id="contoso",
    offer_id="contoso-vm",
    metadata=Metadata(notification_emails="a@contoso.com,b@contoso.com"),
    operation_id=TARGET_ID,
    reason="wrong image",
    request_id=REQUEST_ID,
    requested_at=REQUESTED,
    attempt=3,
    last_error="503",
)
FULL = pending(
    notification_emails=("a@contoso.com",),
    remaining_emails=("a@contoso.com",),
    refusal=Refusal(status_code=409, code="Conflict", message="Busy."),
    last_state="running",
    last_state_at=after(20),
    newer_operations=(OTHER_ID,),
    outcome=Outcome(
        name=OutcomeName.CANCELED,
        at=after(30),
        operation_state="Canceled",
        code="c",
        message="m",
        ended_at=after(25),
    ),
)
LEAST: dict[str, Any] = {"publisherId": "contoso", "offerId": "contoso-vm"}
LEAST_PENDING = {**LEAST, "requestId": REQUEST_ID, "requestedAt": "2026-03-04T05:06:07Z"}


def as_request(**members: Any) -> CancelRequest:
    return from_json(json.dumps({**LEAST, **members}), CancelRequest)


@pytest.mark.parametrize(
    "value",
    [REQUEST, CancelRequest(publisher_id="a", offer_id="b"), FULL, pending(), CancelBody()],
    ids=["request", "least request", "full pending", "pending", "body"],
)
def test_what_is_written_is_read_back(value: Any) -> None:
    assert from_json(to_json(value), type(value)) == value


def test_a_cancel_request_has_the_contracts_names() -> None:
    assert json.loads(to_json(REQUEST)) == {
        "publisherId": "contoso",
        "offerId": "contoso-vm",
        "metadata": {"notification-emails": "a@contoso.com,b@contoso.com"},
        "operationId": TARGET_ID,
        "reason": "wrong image",
        "requestId": REQUEST_ID,
        "requestedAt": "2026-03-04T05:06:07Z",
        "attempt": 3,
        "lastError": "503",
    }


def test_a_pending_cancellation_has_the_contracts_names() -> None:
    written = json.loads(to_json(FULL))
    contract = {
        "version": 1,
        "requestId": REQUEST_ID,
        "publisherId": "contoso",
        "offerId": "contoso-vm",
        "reason": "",
        "notificationEmails": ["a@contoso.com"],
        "remainingEmails": ["a@contoso.com"],
        "requestedAt": "2026-03-04T05:06:07Z",
        "postSentAt": "2026-03-04T05:06:07Z",
        "targetOperationId": TARGET_ID,
        "location": OWN_LOCATION,
        "polls": 0,
        "checkpoints": 0,
        "failures": 0,
        "refusal": {"statusCode": 409, "code": "Conflict", "message": "Busy."},
        "lastState": "running",
        "lastError": "",
        "outcome": {
            "name": "canceled",
            "at": "2026-03-04T05:06:37Z",
            "operationState": "Canceled",
            "code": "c",
            "message": "m",
            "endedAt": "2026-03-04T05:06:32Z",
        },
    }
    assert {name: written[name] for name in contract} == contract


def test_a_pending_cancellation_without_target_location_and_outcome_has_nulls() -> None:
    written = json.loads(to_json(pending(target_operation_id=None, location=None)))
    assert [written[name] for name in ("targetOperationId", "location", "outcome")] == [None] * 3


def test_outcomes_have_the_contracts_names() -> None:
    assert {name.value for name in OutcomeName} == {
        *("canceled", "nothing-to-cancel", "superseded", "completed-first", "failed-first"),
        *("cancel-failed", "rejected", "expired", "withdrawn", "unconfirmed"),
    }


ODD_TEXT = "".join(map(chr, range(0x20))) + '\x7f\u00e9\u2028\ufeff\ufffe\uffff\U0001f600"\\</'


def test_json_is_printable_ascii_whatever_it_holds() -> None:
    written = to_json(CancelRequest(publisher_id="a", offer_id="b", reason=ODD_TEXT))
    assert written.isascii()
    assert "\n" not in written
    assert from_json(written, CancelRequest).reason == ODD_TEXT


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=500))
def test_any_reason_travels_unchanged_as_ascii(reason: str) -> None:
    written = to_json(CancelRequest(publisher_id="a", offer_id="b", reason=reason))
    assert written.isascii()
    assert not set(written) & set(map(chr, range(0x20)))
    assert from_json(written, CancelRequest).reason == reason


def test_unknown_members_are_passed_over() -> None:
    request = as_request(nested={"a": [1, {"b": None}]}, metadata={"other": 5}, Attempt="x")
    assert request == CancelRequest(**_snake(LEAST), metadata=Metadata())
    assert from_json(json.dumps({**LEAST_PENDING, "fromTomorrow": [1]}), PendingCancellation)


def _snake(members: dict[str, Any]) -> dict[str, Any]:
    return {"publisher_id": members["publisherId"], "offer_id": members["offerId"]}


@pytest.mark.parametrize(
    "metadata", [None, {}, {"notification-emails": None}, {"notification-emails": ""}]
)
def test_no_address_is_no_address_however_it_is_said(metadata: Any) -> None:
    assert as_request(metadata=metadata).notification_emails == ""
    assert as_request().notification_emails == ""


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "publisher missing": ({"publisherId": None}, "$.publisherId"),
    "publisher a number": ({"publisherId": 5}, "$.publisherId"),
    "offer an array": ({"offerId": ["contoso-vm"]}, "$.offerId"),
    "metadata an array": ({"metadata": []}, "$.metadata"),
    "metadata text": ({"metadata": "a@contoso.com"}, "$.metadata"),
    "addresses an array": (
        {"metadata": {"notification-emails": ["a@contoso.com"]}},
        "$.metadata.notification-emails",
    ),
    "operation a number": ({"operationId": 5}, "$.operationId"),
    "operation no GUID": ({"operationId": "latest"}, "$.operationId"),
    "operation empty": ({"operationId": ""}, "$.operationId"),
    "operation with a line break": ({"operationId": TARGET_ID + "\n"}, "$.operationId"),
    "operation in braces": ({"operationId": "{" + TARGET_ID + "}"}, "$.operationId"),
    "request no GUID": ({"requestId": "1"}, "$.requestId"),
    "reason a number": ({"reason": 5}, "$.reason"),
    "reason too long": ({"reason": "r" * 501}, "$.reason"),
    "time a number": ({"requestedAt": 1772600767}, "$.requestedAt"),
    "time without zone": ({"requestedAt": "2026-03-04T05:06:07"}, "$.requestedAt"),
    "date only": ({"requestedAt": "2026-03-04"}, "$.requestedAt"),
    "time nonsense": ({"requestedAt": "now"}, "$.requestedAt"),
}


@pytest.mark.parametrize(("members", "where"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named_by_its_path_and_not_repeated(
    members: dict[str, Any], where: str
) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        as_request(**members)
    assert str(raised.value).endswith(f"- at `{where}`")
    assert "contoso" not in str(raised.value)


@pytest.mark.parametrize("name", LEAST)
def test_a_missing_member_is_named(name: str) -> None:
    members = {key: value for key, value in LEAST.items() if key != name}
    with pytest.raises(InvalidRequestError, match=f"missing required field `{name}`"):
        from_json(json.dumps(members), CancelRequest)


BAD_PUBLISHERS = ["", ".", "..", ".a", "a/b", "a\\b", "a%2fb", "a$b", "a b", "a\n", "a\0", "\u00e4"]
BAD_OFFERS = ["", "-a", "_a", "..", "a.b", "A", "a/../b", "a$b", "a b", "a\n", "a\t", "\uff41"]


@pytest.mark.parametrize("bad", [*BAD_PUBLISHERS, "p" * 51], ids=repr)
def test_a_publisher_id_has_nothing_that_a_path_could_trip_over(bad: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"publisherId"):
        as_request(publisherId=bad)


@pytest.mark.parametrize("bad", [*BAD_OFFERS, "o" * 51], ids=repr)
def test_an_offer_id_has_nothing_that_a_path_could_trip_over(bad: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"offerId"):
        as_request(offerId=bad)


@pytest.mark.parametrize(
    ("publisher", "offer"),
    [
        ("a", "b"),
        ("Contoso", "contoso-vm_2"),
        ("-p", "0"),
        ("_p.q-r", "o" * 50),
        ("p" * 50, "o"),
        ("a..b", "a--b"),
    ],
)
def test_every_id_within_the_rules_passes(publisher: str, offer: str) -> None:
    request = as_request(publisherId=publisher, offerId=offer)
    assert (request.publisher_id, request.offer_id) == (publisher, offer)


@pytest.mark.parametrize("name", ["requestId", "targetOperationId"])
def test_a_pending_message_is_held_to_the_same_ids(name: str) -> None:
    with pytest.raises(InvalidRequestError, match=name):
        from_json(json.dumps({**LEAST_PENDING, name: "../x"}), PendingCancellation)


def test_an_outcome_that_nobody_knows_is_refused() -> None:
    bad = {**LEAST_PENDING, "outcome": {"name": "done", "at": "2026-03-04T05:06:07Z"}}
    with pytest.raises(InvalidRequestError, match=r"\$\.outcome\.name"):
        from_json(json.dumps(bad), PendingCancellation)


NO_JSON = {
    "nothing": "",
    "half": '{"publisherId": "a"',
    "two": "{}{}",
    "NaN": '{"publisherId": NaN}',
    "single quotes": "{'publisherId': 'a'}",
    "a comma too many": '{"publisherId": "a",}',
    "a number": "5",
    "null": "null",
    "an array": "[]",
    "half a surrogate pair": '{"publisherId": "a", "offerId": "b", "reason": "\\ud800"}',
    "a bare surrogate": '{"reason": "\ud800"}',
    "a raw line break": '{"reason": "a\nb"}',
    "no UTF-8": b'{"publisherId": "a", "offerId": "b", "reason": "\xff"}',
    "deep arrays": '{"x":' + "[" * 100_000 + "]" * 100_000 + "}",
    "deep objects": '{"x":' * 100_000 + "1" + "}" * 100_000,
}


@pytest.mark.parametrize("text", NO_JSON.values(), ids=NO_JSON)
def test_what_is_no_such_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(InvalidRequestError):
        from_json(text, CancelRequest)


@given(st.text() | st.binary() | st.recursive(st.none() | st.text(), st.lists).map(json.dumps))
def test_any_text_is_read_or_refused(text: str | bytes) -> None:
    with contextlib.suppress(InvalidRequestError):
        from_json(text, PendingCancellation)


def test_a_time_of_another_zone_is_the_same_moment() -> None:
    read = as_request(requestedAt="2026-03-04T07:06:07+02:00").requested_at
    assert read == REQUESTED
    assert read is not None
    assert read.astimezone(UTC) == REQUESTED.astimezone(timezone(timedelta(hours=2)))


def test_every_time_that_is_written_is_utc() -> None:
    assert utc_now().tzinfo is UTC
    assert abs(utc_now() - datetime.now(UTC)) < timedelta(seconds=5)
    assert '"requestedAt":"2026-03-04T05:06:07Z"' in to_json(pending())
