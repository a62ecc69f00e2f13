import json

import pytest

from shared.acceptance import CancelCall
from shared.http_answers import ProblemError
from shared.models import CancelRequest, from_json
from tests.payloads.deliveries import ALL, Delivery, delivery
from tests.shared.builders import TARGET_ID
from tests.shared.test_tracing import TRACEPARENT
from tests.shared.webhooks.gate import DELETED, ON, Gate


@pytest.mark.parametrize("name", [name for name in ALL if "ping" not in name])
def test_an_event_that_is_listed_becomes_a_request(name: str) -> None:
    gate = Gate()
    listed = name.partition("/")[2].removesuffix(".json")
    answered = gate.receive(name, {"on": listed})
    assert answered.status_code == 202
    assert answered.members["id"] == gate.request.request_id
    assert answered.headers["Location"] == answered.members["location"]
    [row] = gate.ledger.versions
    assert row.source == f"{name.partition('/')[0]}-webhook"


@pytest.mark.parametrize("name", ALL)
def test_another_event_is_ignored_and_the_answer_says_why(name: str) -> None:
    gate = Gate()
    answered = gate.receive(name, {"on": "something.else"})
    assert (answered.status_code, list(answered.members)) == (200, ["ignored"])
    listed = name.partition("/")[2].removesuffix(".json")
    assert (listed if listed != "ping" else "a ping") in answered.members["ignored"]
    assert (gate.ledger.versions, gate.queue.texts) == ([], [])


def test_a_ping_is_not_an_event_even_if_it_is_listed() -> None:
    gate = Gate()
    assert gate.receive("github/ping.json", {"on": "ping"}).status_code == 200
    assert gate.queue.texts == []


def test_the_request_is_what_the_url_says() -> None:
    gate = Gate()
    query = {
        **ON,
        "notification-emails": "ana@contoso.com,bob@contoso.com",
        "operationId": TARGET_ID,
        "reason": "the release was withdrawn",
        "api-version": "2017-10-31",
    }
    gate.receive(DELETED, query)
    assert gate.request.operation_id == TARGET_ID
    assert gate.request.reason == "the release was withdrawn"
    assert gate.request.notification_emails == "ana@contoso.com,bob@contoso.com"


def test_the_request_belongs_to_the_trace_of_its_delivery() -> None:
    gate = Gate()
    gate.receive(delivery(DELETED).having(traceparent=TRACEPARENT))
    assert gate.request.traceparent == TRACEPARENT


def test_nothing_in_a_delivery_is_taken_for_ours() -> None:
    gate = Gate()
    sent = delivery("azure-devops/build.complete.canceled.json")
    ours = {
        "offerId": "other",
        "operationId": TARGET_ID,
        "metadata": {"notification-emails": "x@y.z"},
    }
    body = json.dumps({**json.loads(sent.body), **ours, "reason": "theirs"}).encode()
    gate.receive(Delivery(sent.sender, sent.headers, body), {"on": "build.complete"})
    request = gate.request
    assert (request.publisher_id, request.offer_id) == ("contoso", "contoso-vm")
    assert (request.operation_id, request.reason, request.notification_emails) == (None, None, "")


@pytest.mark.parametrize("name", [DELETED, "gitlab/release.delete.json"])
def test_the_same_delivery_gives_the_same_answer(name: str) -> None:
    gate, sent = Gate(), delivery(name)
    answers = [gate.receive(sent, {"on": "release"}) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert len({row.request_id for row in gate.ledger.versions}) == 1


def test_another_delivery_is_another_request() -> None:
    gate = Gate()
    ids = {gate.receive(DELETED).members["id"] for _ in range(3)}
    assert len(ids) == 3


def test_a_sender_that_gives_no_key_is_served_all_the_same() -> None:
    gate = Gate()
    sent = delivery(DELETED).having(x_github_delivery=None)
    ids = {gate.receive(sent).members["id"] for _ in range(2)}
    assert len(ids) == 2


def test_a_delivery_sent_again_with_another_url_is_409() -> None:
    gate, sent = Gate(), delivery(DELETED)
    gate.receive(sent)
    with pytest.raises(ProblemError) as raised:
        gate.receive(sent, {**ON, "reason": "another"})
    assert raised.value.status_code == 409
    assert len(gate.queue.texts) == 1


def test_keys_of_senders_and_of_callers_never_meet() -> None:
    gate, key = Gate(), "7e4c4a1e-0000-4000-8000-000000000001"
    call = CancelCall(
        publisher_id="contoso",
        offer_id="contoso-vm",
        api_version=None,
        headers={"idempotency-key": key},
        body=b"",
    )
    by_github = delivery(DELETED).having(x_github_delivery=key)
    by_gitlab = delivery("gitlab/release.delete.json").having(idempotency_key=key)
    answers = [gate.receive(sent, {"on": "release"}) for sent in (by_github, by_gitlab)]
    answers.append(gate.acceptance.accept(call))
    assert len({answered.members["id"] for answered in answers}) == 3


def test_an_idempotency_key_that_github_never_sends_is_not_its_key() -> None:
    gate = Gate()
    ids = {
        gate.receive(delivery(DELETED).having(idempotency_key="same")).members["id"]
        for _ in range(2)
    }
    assert len(ids) == 2


@pytest.mark.parametrize("failure", ["before", "after"])
def test_an_answer_that_was_lost_can_be_had_again(failure: str) -> None:
    gate, sent = Gate(), delivery(DELETED)
    gate.queue.fails = [failure]
    with pytest.raises(ProblemError) as raised:
        gate.receive(sent)
    assert raised.value.status_code == 503
    answered = gate.receive(sent)
    ids = {from_json(text, CancelRequest).request_id for text in gate.queue.texts}
    assert ids == {answered.members["id"]}
