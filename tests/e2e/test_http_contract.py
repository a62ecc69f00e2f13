"""The HTTP API as a client sees it, byte by byte: what is taken, and what is refused and how."""

import json
import uuid

import pytest

from devstack.stack import Stack
from shared.queues import CANCEL_REQUESTS
from tests.e2e.asking import ANA, BOB, PUBLISHER, Answered, ask, path_of, send, with_emails
from tests.e2e.bad_calls import BAD_CALLS, MAX_BODY_BYTES, OFFER
from tests.e2e.clean_logs import CLIENTS_TOKEN, REASON
from tests.e2e.seeing import (
    outcome_mail,
    outcome_of,
    row_of,
    rows,
    rows_of_offer,
    texts_on,
)

pytestmark = pytest.mark.integration

VERSION = "?api-version=2017-10-31"
SECRET_HEADERS = dict.fromkeys(
    ("Authorization", "x-functions-key", "x-ms-client-request-id", "Cookie"),
    f"Bearer {CLIENTS_TOKEN}",
)


def accepted(stack: Stack, answered: Answered, publisher: str, offer: str) -> str:
    """Check the shape of a 202; returns the request's id."""
    assert answered.status == 202, answered.body
    members = answered.members
    request_id = str(uuid.UUID(members["id"]))
    location = f"/api/publishers/{publisher}/offers/{offer}/operations/{request_id}{VERSION}"
    assert members == {"id": request_id, "status": "notStarted", "location": location}
    assert answered.headers["Location"] == location
    assert int(answered.headers["Retry-After"]) > 0
    assert answered.headers["Content-Type"].startswith("application/json")
    assert row_of(stack, request_id)["source"] == "http"
    return request_id


def test_a_request_is_answered_as_partner_center_would_and_ends_in_a_mail(stack: Stack) -> None:
    stack.partner_center.create_offer(PUBLISHER, "drop-in", "cancels-at-once")
    body = with_emails(reason=REASON, unknown=[{}])
    answered = send(stack, path_of("drop-in") + VERSION, body)
    request_id = accepted(stack, answered, PUBLISHER, "drop-in")
    mail = outcome_mail(stack, request_id)
    assert mail.recipients == (ANA, BOB)
    assert mail.subject == "Canceled: contoso/drop-in"
    assert REASON in mail.text


GOOD_CALLS: dict[str, tuple[str, str | bytes | None, dict[str, str]]] = {
    "nothing": ("", None, {}),
    "an-empty-body": ("", b"", {}),
    "blanks": ("", " \r\n", {"Content-Type": "text/plain"}),
    "an-empty-object": ("", "{}", {}),
    "a-charset": ("", "{}", {"Content-Type": "Application/JSON;charset=utf-8"}),
    "nulls": ("", '{"metadata": null, "reason": null, "operationId": null}', {}),
    "no-addresses": ("", with_emails(""), {}),
    "fifty-addresses": ("", with_emails(",".join(f"a{n}@example.com" for n in range(50))), {}),
    "the-longest-body": ("", "{}".ljust(MAX_BODY_BYTES), {}),
    "the-longest-reason": ("", with_emails(reason="\u00e4" * 500), {}),
    "unknown-members": ("", with_emails(version=[{}], slot=None), {}),
    "a-version": (VERSION, None, {}),
    "an-empty-version": ("?api-version=", None, {}),
    "more-query": (f"{VERSION}&operation=x", None, {}),
}


@pytest.mark.parametrize("name", GOOD_CALLS)
def test_a_request_is_taken_with(stack: Stack, name: str) -> None:
    query, body, headers = GOOD_CALLS[name]
    answered = send(stack, path_of("good-call") + query, body, headers)
    accepted(stack, answered, PUBLISHER, "good-call")


def test_a_deep_member_that_nobody_asked_for_is_passed_over_or_refused(stack: Stack) -> None:
    body = '{"deep": ' + "[" * 8_000 + "]" * 8_000 + "}"
    assert send(stack, path_of("good-call"), body).status in (202, 400)


@pytest.mark.parametrize("publisher", ["CONTOSO", "fabrikam", "Fabrikam"])
def test_a_publisher_is_served_in_any_case_of_letters_and_kept_as_given(
    stack: Stack, publisher: str
) -> None:
    answered = send(stack, path_of("any-case", publisher))
    row = row_of(stack, accepted(stack, answered, publisher, "any-case"))
    assert (row["publisherId"], row["PartitionKey"]) == (publisher, publisher.lower())


@pytest.mark.parametrize("name", BAD_CALLS)
def test_a_wrong_request_is_told_what_is_wrong_and_where(stack: Stack, name: str) -> None:
    call = BAD_CALLS[name]
    answered = send(stack, call.target, call.body, call.headers)
    code, message = answered.error
    assert (answered.status, code) == (call.status, call.code)
    for words in call.says:
        assert words in message
    assert message.isprintable()
    assert "@" not in message
    assert "Injected" not in str(answered.headers)


def test_wrong_requests_leave_nothing_behind(stack: Stack) -> None:
    for call in BAD_CALLS.values():
        assert send(stack, call.target, call.body, call.headers).status >= 400
    ask(stack, "asked-rightly")
    assert rows_of_offer(stack, "asked-rightly")
    publishers = {row["PartitionKey"] for row in rows(stack)}
    assert publishers <= {PUBLISHER, "fabrikam"}
    assert not rows_of_offer(stack, OFFER)


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", path_of("vm")),
        ("PUT", path_of("vm")),
        ("DELETE", path_of("vm")),
        ("POST", "/"),
        ("POST", "/api"),
        ("POST", "/publishers/contoso/offers/vm/cancel"),
        ("POST", "/api/publishers/contoso/offers/vm/publish"),
        ("POST", "/api/publishers/contoso/offers/vm/cancel/more"),
        ("POST", "/api/publishers/contoso/offers//cancel"),
        ("POST", "/api/publishers/contoso/offers/%2e%2e/cancel"),
        ("POST", "/api/publishers/contoso/../offers/vm/cancel"),
    ],
)
def test_an_unknown_route_is_not_found(stack: Stack, method: str, target: str) -> None:
    assert send(stack, target, method=method).status == 404


def test_a_nul_in_the_path_is_refused(stack: Stack) -> None:
    assert send(stack, path_of("vm%00")).status == 400
    assert not rows_of_offer(stack, "vm\x00")


def test_a_token_that_a_client_still_sends_is_neither_used_nor_kept(stack: Stack) -> None:
    stack.partner_center.create_offer(PUBLISHER, "old-client", "cancels-at-once")
    answered = send(stack, path_of("old-client") + VERSION, with_emails(), SECRET_HEADERS)
    request_id = accepted(stack, answered, PUBLISHER, "old-client")
    mail = outcome_mail(stack, request_id)
    assert mail.message["X-Offer-Cancel-Outcome"] == "canceled"
    assert CLIENTS_TOKEN not in str(answered.headers) + answered.body.decode()
    assert CLIENTS_TOKEN not in str(rows_of_offer(stack, "old-client"))
    assert CLIENTS_TOKEN not in mail.message.as_string()
    assert CLIENTS_TOKEN not in "".join(stack.partner_center.authorizations)
    assert CLIENTS_TOKEN not in stack.host.log.read_text(encoding="utf-8")


def test_a_request_is_on_the_queue_before_it_is_answered(breakable: Stack) -> None:
    breakable.partner_center.create_offer(PUBLISHER, "on-the-queue", "cancels-at-once")
    breakable.host.restart(**{"AzureWebJobs.CancelQueueTrigger.Disabled": "true"})
    [running] = breakable.partner_center.truth(PUBLISHER, "on-the-queue")
    body = with_emails(operationId=running.id.upper(), reason="\uffff\x01 é")
    answered = send(breakable, path_of("on-the-queue"), body, SECRET_HEADERS)
    request_id = accepted(breakable, answered, PUBLISHER, "on-the-queue")
    [text] = [text for text in texts_on(breakable, CANCEL_REQUESTS) if request_id in text]
    assert text.isascii()
    message = json.loads(text)
    assert message.pop("requestedAt")
    assert message == {
        "publisherId": PUBLISHER,
        "offerId": "on-the-queue",
        "metadata": {"notification-emails": f"{ANA},{BOB}"},
        "operationId": running.id,
        "reason": "\uffff\x01 é",
        "requestId": request_id,
    }
    assert row_of(breakable, request_id)["state"] == "accepted"
    breakable.host.restart(**{"AzureWebJobs.CancelQueueTrigger.Disabled": ""})
    assert outcome_of(breakable, request_id) == "canceled"


def test_without_storage_nothing_is_accepted_and_with_it_all_is_well_again(
    breakable: Stack,
) -> None:
    breakable.partner_center.create_offer(PUBLISHER, "without-storage", "cancels-at-once")
    breakable.storage.stop()
    try:
        answered = send(breakable, path_of("without-storage"), with_emails())
    finally:
        breakable.storage.start()
    assert answered.status == 503
    assert int(answered.headers["Retry-After"]) > 0
    code, message = answered.error
    assert code == "ServiceUnavailable"
    assert "was not accepted" in message
    assert not rows_of_offer(breakable, "without-storage")
    request_id = ask(breakable, "without-storage")
    assert outcome_of(breakable, request_id) == "canceled"
    assert len(rows_of_offer(breakable, "without-storage")) == 1
