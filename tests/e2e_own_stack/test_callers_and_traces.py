"""Who calls, and the trace they come with: the whole app, behind App Service authentication."""

import base64
import json
import uuid
from collections.abc import Iterator, Mapping

import pytest

from devstack.stack import Stack
from tests.e2e.asking import PUBLISHER, Answered, enqueue, message_for, path_of, send, with_emails
from tests.e2e.breaking import started
from tests.e2e.clean_logs import assert_clean, assert_nothing_crashed
from tests.e2e.seeing import event_of, outcome_mail, outcome_of, row_of, rows_of_offer

pytestmark = pytest.mark.integration

ANA = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
BOB = "9b2d8a10-7c1e-4e6f-8a55-0d2c3b4a5f60"
SETTINGS = {
    "POLL_SCHEDULE": "*/2 * * * * *",
    "SECOND_LOOK_SECONDS": "2",
    "RETRY_FIRST_SECONDS": "1",
    "WEBSITE_AUTH_ENABLED": "True",
    "ALLOWED_CALLERS": f"{ANA}={PUBLISHER}, {BOB}=fabrikam",
}
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"
HEADER = {"traceparent": TRACEPARENT}


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("callers"), settings=SETTINGS) as running:
        yield running
    assert_clean(running)
    assert_nothing_crashed(running)


def entra(caller: str) -> dict[str, str]:
    """The headers that App Service adds for a caller it has authenticated."""
    claim = {"typ": "http://schemas.microsoft.com/identity/claims/objectidentifier", "val": caller}
    principal = json.dumps({"auth_typ": "aad", "claims": [claim]}).encode()
    return {
        "X-MS-CLIENT-PRINCIPAL": base64.b64encode(principal).decode(),
        "X-MS-CLIENT-PRINCIPAL-ID": caller,
        "X-MS-CLIENT-PRINCIPAL-IDP": "aad",
    }


def asked(own_stack: Stack, offer: str, headers: Mapping[str, str]) -> str:
    """Ask as somebody who may; returns the request's id."""
    answered = send(own_stack, path_of(offer), with_emails(), {**entra(ANA), **headers})
    assert answered.status == 202, answered.body
    return str(answered.members["id"])


def calls_by_id(own_stack: Stack, offer: str) -> set[str]:
    """By which ids Partner Center was called about an offer."""
    calls = own_stack.partner_center.calls(PUBLISHER, offer)
    assert {"GET", "POST"} <= {call.method for call in calls}
    return {call.client_request_id for call in calls}


def test_who_may_cancel_does_and_is_named_in_row_log_and_history(own_stack: Stack) -> None:
    request_id = asked(own_stack, started(own_stack, "cancels-at-once"), {})
    assert outcome_of(own_stack, request_id) == "canceled"
    row = row_of(own_stack, request_id)
    assert row["source"] == f"http entra:{ANA}"
    assert row["history"][0]["detail"] == f"by http entra:{ANA}"
    accepted = event_of(own_stack, request_id, "request-accepted")
    assert accepted.details["source"] == f"http entra:{ANA}"


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [(entra(BOB), 403, "Forbidden"), ({}, 401, "Unauthorized")],
    ids=["another publisher's", "nobody"],
)
def test_who_may_not_cancel_leaves_nothing_and_learns_nothing(
    own_stack: Stack, headers: Mapping[str, str], status: int, code: str
) -> None:
    offer = started(own_stack, "cancels-after-202", cancel_seconds=600)
    refused = send(own_stack, path_of(offer), with_emails(), headers)
    assert (refused.status, refused.error[0]) == (status, code)
    assert rows_of_offer(own_stack, offer) == []
    request_id = asked(own_stack, offer, {})
    where = f"/api/publishers/{PUBLISHER}/offers/{offer}/operations/{request_id}"
    for method in ("GET", "DELETE"):
        refused = send(own_stack, where, method=method, headers=headers)
        assert (refused.status, refused.error[0]) == (status, code)
    allowed = send(own_stack, where, method="GET", headers=entra(ANA))
    assert allowed.status == 202
    assert allowed.members["id"] == request_id
    event_of(own_stack, request_id, "cancel-accepted")
    own_stack.partner_center.finish(PUBLISHER, offer, "canceled")
    assert outcome_of(own_stack, request_id) == "canceled"


def test_callers_see_the_list_of_the_publishers_that_they_may_cancel_for(own_stack: Stack) -> None:
    offer = started(own_stack, "cancels-at-once")
    request_id = asked(own_stack, offer, {})

    def listed(query: str, headers: Mapping[str, str]) -> Answered:
        return send(own_stack, f"/api/cancellations?{query}", method="GET", headers=headers)

    [mine] = listed(f"offerId={offer}", entra(ANA)).members["value"]
    assert (mine["id"], mine["source"]) == (request_id, f"http entra:{ANA}")
    assert listed("", entra(BOB)).members == {"value": []}
    for query, headers, status, code in (
        (f"publisherId={PUBLISHER}", entra(BOB), 403, "Forbidden"),
        ("", entra(str(uuid.uuid4())), 403, "Forbidden"),
        ("", {}, 401, "Unauthorized"),
    ):
        refused = listed(query, headers)
        assert (refused.status, refused.error[0]) == (status, code)


def test_a_trace_is_in_every_event_the_row_the_mail_and_every_call(own_stack: Stack) -> None:
    offer = started(own_stack, "cancels-after-202")
    request_id = asked(own_stack, offer, HEADER)
    mail = outcome_mail(own_stack, request_id)
    assert TRACE_ID in mail.text
    assert row_of(own_stack, request_id)["traceparent"] == TRACEPARENT
    assert calls_by_id(own_stack, offer) == {str(uuid.UUID(TRACE_ID))}
    events = [event for event in own_stack.events.all() if event.request_id == request_id]
    names = {event.name for event in events}
    assert {"request-accepted", "cancel-sent", "polled", "outcome-found", "mail-sent"} <= names
    assert {event.details.get("traceId") for event in events} == {TRACE_ID}


def test_the_trace_of_a_message_goes_the_same_way(own_stack: Stack) -> None:
    offer = started(own_stack, "cancels-at-once")
    request_id = enqueue(own_stack, message_for(offer, traceparent=TRACEPARENT))
    assert TRACE_ID in outcome_mail(own_stack, request_id).text
    assert calls_by_id(own_stack, offer) == {str(uuid.UUID(TRACE_ID))}
    events = [event for event in own_stack.events.all() if event.request_id == request_id]
    assert {event.details.get("traceId") for event in events} == {TRACE_ID}


@pytest.mark.parametrize("value", [f"{TRACEPARENT}-00", "<script>", "a" * 8000])
def test_a_request_with_no_trace_or_a_bad_one_is_found_by_its_own_id(
    own_stack: Stack, value: str
) -> None:
    offer = started(own_stack, "cancels-at-once")
    request_id = asked(own_stack, offer, {"traceparent": value})
    mail = outcome_mail(own_stack, request_id)
    assert "Trace" not in mail.text
    assert "traceparent" not in row_of(own_stack, request_id)
    assert calls_by_id(own_stack, offer) == {request_id}


def test_a_message_with_a_hostile_trace_is_carried_out(own_stack: Stack) -> None:
    offer = started(own_stack, "cancels-at-once")
    request_id = enqueue(own_stack, message_for(offer, traceparent={"00": ["\u0000", TRACEPARENT]}))
    assert outcome_of(own_stack, request_id) == "canceled"
    assert "traceparent" not in row_of(own_stack, request_id)
