"""The list of requests, as callers get it from the whole app."""

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from devstack.stack import Stack
from tests.e2e.asking import PUBLISHER, Answered, ask, enqueue, message_for, send
from tests.e2e.breaking import started
from tests.e2e.seeing import event_of, eventually, outcome_mail, outcome_of

pytestmark = pytest.mark.integration

API_VERSION = "2017-10-31"


def get(stack: Stack, **query: str | int) -> Answered:
    return send(stack, f"/api/cancellations?{urlencode(query)}", method="GET")


def listed(stack: Stack, **query: str | int) -> list[dict[str, Any]]:
    """One page, which has to be the only one."""
    answered = get(stack, **query)
    assert answered.status == 200, answered.body
    assert answered.headers["Content-Type"].startswith("application/json")
    members = answered.members
    assert list(members) == ["value"]
    value: list[dict[str, Any]] = members["value"]
    return value


def test_a_request_is_listed_from_when_it_is_accepted_until_all_is_done(stack: Stack) -> None:
    offer = started(stack, "cancels-after-202", cancel_seconds=600)
    request_id = ask(stack, offer)
    [accepted] = listed(stack, offerId=offer)
    assert (accepted["id"], accepted["outcome"], accepted["endedDateTime"]) == (
        request_id,
        None,
        None,
    )
    event_of(stack, request_id, "cancel-accepted")
    [running] = listed(stack, publisherId=PUBLISHER.upper(), offerId=offer, status="running")
    assert running["createdDateTime"] == accepted["createdDateTime"]
    stack.partner_center.finish(PUBLISHER, offer, "canceled")
    outcome_mail(stack, request_id)
    eventually(lambda: listed(stack, offerId=offer)[0]["mail"] == "sent", "its mail is noted")
    [ended] = listed(stack, offerId=offer, status="canceled", outcome="canceled")
    status = send(stack, ended["location"], method="GET").members
    same = ("id", "status", "outcome", "createdDateTime", "lastActionDateTime")
    assert {name: ended[name] for name in same} == {name: status[name] for name in same}
    assert (ended["publisherId"], ended["offerId"], ended["source"]) == (PUBLISHER, offer, "http")
    assert accepted["createdDateTime"] < ended["endedDateTime"] <= ended["lastActionDateTime"]
    assert listed(stack, offerId=offer, status="running") == []


def test_pages_lead_from_the_newest_request_to_the_oldest(stack: Stack) -> None:
    offer = started(stack, "idle-but-202")
    oldest_first = []
    for _ in range(3):
        oldest_first.append(ask(stack, offer))
        queued = enqueue(stack, message_for(offer))
        eventually(
            lambda: listed(stack, offerId=offer, publisherId=PUBLISHER)[0]["id"] == queued,  # noqa: B023
            "the one from the queue is listed",
        )
        oldest_first.append(queued)
    target = f"/api/cancellations?offerId={offer}&top=4&code=secret&api-version={API_VERSION}"
    first = send(stack, target, method="GET").members
    assert list(first) == ["value", "nextLink"]
    query = parse_qs(urlsplit(first["nextLink"]).query)
    assert urlsplit(first["nextLink"]).path == "/api/cancellations"
    assert {name: values[0] for name, values in query.items() if name != "continuation"} == {
        "offerId": offer,
        "top": "4",
        "api-version": API_VERSION,
    }
    ask(stack, offer)  # what comes meanwhile moves nothing
    last = send(stack, first["nextLink"], method="GET").members
    assert list(last) == ["value"]
    found = [each["id"] for each in (*first["value"], *last["value"])]
    assert found == oldest_first[::-1]


def test_what_nobody_has_asked_for_is_an_empty_list(stack: Stack) -> None:
    assert listed(stack, offerId="never-seen") == []
    assert listed(stack, publisherId="FABRIKAM", offerId="never-seen") == []


def test_a_publisher_that_is_not_served_is_refused(stack: Stack) -> None:
    answered = get(stack, publisherId="other")
    assert (answered.status, answered.error[0]) == (403, "Forbidden")


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"status": "done"}, "notStarted, running, canceled, failed"),
        ({"outcome": "cancelled"}, "nothing-to-cancel"),
        ({"top": "0"}, "1 to 100"),
        ({"top": "1000000000000"}, "1 to 100"),
        ({"publisherId": "a' or PartitionKey ne '"}, "publisherId"),
        ({"offerId": "..%2f"}, "offerId"),
        ({"continuation": "x' or RowKey ne '"}, "continuation"),
        ({"continuation": "MTIz"}, "continuation"),
        ({"api-version": "2020-01-01"}, API_VERSION),
    ],
    ids=lambda given: "-".join(given) if isinstance(given, dict) else "",
)
def test_what_cannot_be_meant_is_told(stack: Stack, query: dict[str, str], named: str) -> None:
    answered = get(stack, **query)
    code, message = answered.error
    assert (answered.status, code in ("BadRequest", "InvalidAPIVersion")) == (400, True)
    assert named in message


def test_a_list_is_only_read(stack: Stack) -> None:
    offer = started(stack, "cancels-at-once")
    request_id = ask(stack, offer)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert send(stack, f"/api/cancellations?offerId={offer}", method=method).status in (
            404,
            405,
        )
    assert outcome_of(stack, request_id) == "canceled"
