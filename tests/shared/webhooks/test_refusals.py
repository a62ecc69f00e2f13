from typing import Any
from uuid import UUID

import pytest

from shared.errors import ConfigurationError
from shared.http_answers import answer
from shared.webhooks.reception import MAX_BODY_BYTES
from shared.webhooks.secrets import Sender
from tests.payloads.deliveries import ALL, Delivery, delivery
from tests.shared.webhooks.gate import DELETED, ON, Gate


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("secrets", ["", "{}", '{"github": [], "standard": []}'])
def test_a_sender_without_a_secret_is_401(name: str, secrets: str) -> None:
    problem = Gate(secrets).refusal(name, {"on": "release"})
    assert (problem.status_code, problem.code) == (401, "Unauthorized")


@pytest.mark.parametrize("name", ALL)
def test_a_delivery_that_proves_nothing_is_401_and_reaches_no_storage(name: str) -> None:
    gate, sent = Gate(), delivery(name)
    bare = Delivery(sent.sender, {"content-type": "application/json"}, sent.body)
    problem = gate.refusal(bare)
    assert problem.status_code == 401
    assert gate.reached == 0
    assert ("WWW-Authenticate" in problem.headers) == (sent.sender == "azure-devops")


def test_the_challenge_is_sent() -> None:
    sent = delivery("azure-devops/build.complete.canceled.json").having(authorization=None)
    assert answer(lambda: Gate().receive(sent)).headers["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    "changes",
    [
        {"query": {}},
        {"publisher_id": ".x"},
        {"offer_id": "UPPER"},
        {"headers": {"x-hub-signature-256": "sha256=00", "content-type": "text/plain"}},
        {"body": b"[["},
    ],
)
def test_nothing_else_is_told_to_who_is_not_verified(changes: dict[str, Any]) -> None:
    values = {"query": ON, "headers": {}, **changes}
    assert Gate().refusal(DELETED, **values).status_code == 401


def test_a_sender_that_nobody_knows_is_404() -> None:
    problem = Gate().refusal(DELETED, sender="bitbucket")
    assert problem.status_code == 404
    assert all(sender in str(problem) for sender in Sender)


def test_the_case_of_the_sender_in_the_path_does_not_count() -> None:
    assert Gate().receive(DELETED, sender="GitHub").status_code == 202


def test_a_body_may_have_a_mebibyte_and_no_more() -> None:
    sent = delivery("gitlab/release.delete.json")
    full = sent.body + b" " * (MAX_BODY_BYTES - len(sent.body))
    gate = Gate()
    assert gate.receive(sent, {"on": "release"}, body=full).status_code == 202
    assert Gate().refusal(sent, body=full + b" ").status_code == 413


def test_a_body_that_is_too_large_is_refused_before_it_is_hashed() -> None:
    assert Gate("").refusal(DELETED, body=b"x" * (MAX_BODY_BYTES + 1)).status_code == 413


def test_a_form_is_415_with_the_setting_to_change() -> None:
    sent = delivery(DELETED).having(content_type="application/x-www-form-urlencoded")
    problem = Gate().refusal(sent)
    assert (problem.status_code, problem.code) == (415, "UnsupportedMediaType")
    assert "set the webhook's Content type to application/json" in str(problem)


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ({}, "on in the query is missing"),
        ({"on": "*"}, "on in the query: name 1"),
        ({**ON, "operationId": "17"}, "$.operationId"),
        ({**ON, "reason": "x" * 501}, "$.reason"),
        ({**ON, "notification-emails": "ana"}, "notification-emails: address 1"),
        ({**ON, "notification-emails": "a@elsewhere.example"}, "NOTIFICATION_ALLOWED_DOMAINS"),
        ({**ON, "api-version": "2099-01-01"}, "api-version"),
        ({**ON, "operationid": str(UUID(int=1))}, "no member operationid; there are on,"),
        ({**ON, "notification-email": "ana@example.com"}, "no member notification-email;"),
        ({**ON, "": ""}, "no member"),
    ],
)
@pytest.mark.parametrize("name", [DELETED, "github/push.json", "github/ping.json"])
def test_a_url_that_is_wrong_is_told_of_at_any_delivery(
    name: str, query: dict[str, str], where: str
) -> None:
    problem = Gate().refusal(name, query)
    assert problem.status_code == 400
    assert where in str(problem)


def test_a_key_in_the_url_is_needed_by_nobody_and_does_no_harm() -> None:
    assert Gate().receive(DELETED, {**ON, "code": "key"}).status_code == 202


@pytest.mark.parametrize("name", [DELETED, "github/push.json"])
def test_a_publisher_that_is_not_served_is_403(name: str) -> None:
    assert Gate(allowed="fabrikam").refusal(name).status_code == 403


@pytest.mark.parametrize("key", ["a" * 256, "schl\u00fcssel", " "])
@pytest.mark.parametrize("name", [DELETED, "github/push.json"])
def test_what_cannot_be_a_key_is_400(name: str, key: str) -> None:
    problem = Gate().refusal(delivery(name).having(x_github_delivery=key))
    assert problem.status_code == 400
    assert "the id of a webhook's delivery" in str(problem)


def test_a_body_that_is_no_json_is_400() -> None:
    sent = delivery("gitlab/release.delete.json")
    for body in (b"", b"[]", b"{", b"\xff", b"[" * 100_000):
        problem = Gate().refusal(sent, {"on": "release"}, body=body)
        assert (problem.status_code, str(problem)[:8]) == (400, "The body")


def test_an_event_without_a_name_is_ignored() -> None:
    sent = delivery("gitlab/release.delete.json")
    answered = Gate().receive(sent, {"on": "release"}, body=b"{}")
    assert answered.members == {"ignored": "the delivery names no event"}


def test_wrong_settings_are_told_apart_from_a_wrong_signature() -> None:
    with pytest.raises(ConfigurationError, match="WEBHOOK_SECRETS"):
        Gate("{").receive(DELETED)
