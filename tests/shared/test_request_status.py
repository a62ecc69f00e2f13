import json
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.errors import StorageUnavailableError
from shared.http_answers import HttpAnswer, ProblemError
from shared.models import CancelRequest, Outcome, OutcomeName
from shared.record import CancellationRecord, State, new_record
from shared.request_status import StatusCall, find_request, status_answer
from tests.shared.builders import REQUEST_ID, REQUESTED, TARGET_ID, after
from tests.shared.ledger_memory import KeptRows


def row(**changes: Any) -> CancellationRecord:
    record = new_record(
        CancelRequest(publisher_id="Contoso", offer_id="contoso-vm"),
        request_id=REQUEST_ID,
        requested_at=REQUESTED,
        source="http",
        emails=("ana@contoso.com",),
        dropped_emails=0,
        now=REQUESTED,
    )
    return record.with_step(after(3), "a-step", "a detail", **changes) if changes else record


def call(**changes: Any) -> StatusCall:
    values: dict[str, Any] = {
        "publisher_id": "Contoso",
        "offer_id": "contoso-vm",
        "request_id": REQUEST_ID,
        "api_version": "2017-10-31",
        **changes,
    }
    return StatusCall(**values)


def told(answered: HttpAnswer) -> dict[str, Any]:
    members: dict[str, Any] = json.loads(answered.body)
    return members


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (State.ACCEPTED, "notStarted"),
        (State.SUBMITTING, "running"),
        (State.PENDING, "running"),
    ],
)
def test_a_request_that_goes_on_says_where_to_ask_again(state: State, status: str) -> None:
    found = status_answer(row(state=state, last_error="Partner Center answered 503"))
    assert found.status_code == 202
    assert found.headers == {
        "Location": f"/api/publishers/Contoso/offers/contoso-vm/operations/{REQUEST_ID}"
        "?api-version=2017-10-31",
        "Retry-After": "15",
    }
    members = told(found)
    assert (members["status"], members["outcome"]) == (status, None)
    assert members["message"] == "Partner Center answered 503"


@pytest.mark.parametrize("name", OutcomeName)
def test_a_request_that_has_ended_says_how(name: OutcomeName) -> None:
    outcome = Outcome(name=name, at=after(60), code="Forbidden", message="No rights.")
    found = status_answer(row(outcome=outcome, state=State.ENDED, target_operation_id=TARGET_ID))
    assert (found.status_code, dict(found.headers)) == (200, {})
    members = told(found)
    assert members["status"] == ("canceled" if name == "canceled" else "failed")
    assert (members["outcome"], members["targetOperationId"]) == (name, TARGET_ID)
    assert members["message"].endswith(" Forbidden No rights.")


def test_a_status_has_the_members_and_times_of_an_operation() -> None:
    members = told(status_answer(row(state=State.PENDING)))
    assert set(members) == {
        "id",
        "submissionType",
        "status",
        "outcome",
        "message",
        "targetOperationId",
        "createdDateTime",
        "lastActionDateTime",
        "steps",
        "history",
    }
    assert members["steps"] == []
    assert (members["id"], members["submissionType"]) == (REQUEST_ID, "cancel")
    assert datetime.fromisoformat(members["createdDateTime"]) == REQUESTED
    assert datetime.fromisoformat(members["lastActionDateTime"]) == after(3)
    assert datetime.fromisoformat(members["lastActionDateTime"]).tzinfo == UTC
    assert members["history"][-1]["step"] == "a-step"


def test_a_status_has_no_address() -> None:
    assert b"ana@" not in status_answer(row()).body


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"publisher_id": ".x"}, 400, "BadRequest"),
        ({"offer_id": "No!"}, 400, "BadRequest"),
        ({"request_id": "7"}, 400, "BadRequest"),
        ({"api_version": "2020-01-01"}, 400, "InvalidAPIVersion"),
        ({"request_id": TARGET_ID}, 404, "NotFound"),
    ],
)
def test_what_is_wrong_with_a_call_is_told(changes: dict[str, Any], status: int, code: str) -> None:
    ledger = KeptRows()
    ledger.insert(row())
    with pytest.raises(ProblemError) as raised:
        find_request(ledger, call(**changes))
    assert (raised.value.status_code, raised.value.code) == (status, code)


def test_without_storage_a_caller_is_told_to_ask_again() -> None:
    ledger = KeptRows({"get": StorageUnavailableError("table: ServerBusy")})
    with pytest.raises(ProblemError) as raised:
        find_request(ledger, call())
    assert raised.value.status_code == 503
