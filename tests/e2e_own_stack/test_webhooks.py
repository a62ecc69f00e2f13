"""Webhooks as their senders make them, through the host, to their end."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote, urlencode

import pytest

from devstack.stack import Stack
from tests.e2e.asking import PUBLISHER, Answered, send
from tests.e2e.breaking import cancel_calls
from tests.e2e.clean_logs import assert_clean, assert_nothing_crashed
from tests.e2e.conftest import FAST
from tests.e2e.seeing import outcome_mail, outcome_of, row_of, rows_of_offer
from tests.payloads.deliveries import (
    AZURE_DEVOPS_PASSWORD,
    GITHUB_SECRET,
    GITLAB_TOKEN,
    SECRETS,
    STANDARD_SECRET,
    Delivery,
    delivery,
)

pytestmark = pytest.mark.integration

SENT = {
    "github": "github/workflow_run.completed.cancelled.json",
    "gitlab": "gitlab/pipeline.canceled.json",
    "azure-devops": "azure-devops/ms.vss-release.deployment-completed-event.canceled.json",
    "standard": "standard/release.deleted.json",
}


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = {**FAST, "WEBHOOK_SECRETS": SECRETS}
    with Stack(tmp_path_factory.mktemp("webhooks"), settings=settings) as running:
        yield running
    assert_clean(running)
    assert_nothing_crashed(running)
    log = running.host.log.read_text(encoding="utf-8")
    for secret in (GITHUB_SECRET, GITLAB_TOKEN, AZURE_DEVOPS_PASSWORD, STANDARD_SECRET, "Publish"):
        assert secret not in log


def deliver(own_stack: Stack, sent: Delivery, offer: str, **query: str) -> Answered:
    """Send it to the URL that was configured for the offer."""
    path = f"/api/webhooks/{sent.sender}/publishers/{PUBLISHER}/offers/{offer}/cancel"
    members = {name.replace("_", "-"): value for name, value in query.items()}
    # As senders spell them; in lower case one would be sent beside the default of ``send``.
    headers = {name.title(): value for name, value in sent.headers.items()}
    return send(own_stack, f"{path}?{urlencode(members, quote_via=quote)}", sent.body, headers)


def listed(name: str) -> str:
    return name.partition("/")[2].removesuffix(".json")


@pytest.mark.parametrize("sender", SENT)
def test_what_each_sender_tells_of_is_canceled_and_mailed(own_stack: Stack, sender: str) -> None:
    offer, sent = f"told-by-{sender}", delivery(SENT[sender])
    own_stack.partner_center.create_offer(PUBLISHER, offer, "cancels-at-once")
    query = {
        "on": listed(SENT[sender]),
        "notification_emails": "ana@example.com",
        "reason": "the release was withdrawn",
    }
    answered = deliver(own_stack, sent, offer, **query)
    assert answered.status == 202, answered.body
    request_id = answered.members["id"]
    assert outcome_of(own_stack, request_id) == "canceled"
    assert outcome_mail(own_stack, request_id).message["To"] == "ana@example.com"
    assert "the release was withdrawn" in outcome_mail(own_stack, request_id).text
    assert row_of(own_stack, request_id)["source"] == f"{sender}-webhook"
    again = deliver(own_stack, sent, offer, **query)
    assert (again.status, again.members) == (202, answered.members)
    assert len(rows_of_offer(own_stack, offer)) == 1


def test_a_delivery_that_comes_many_times_at_once_is_one_request(own_stack: Stack) -> None:
    offer, sent = "delivered-at-once", delivery("github/release.deleted.json")
    own_stack.partner_center.create_offer(PUBLISHER, offer, "cancels-at-once")
    with ThreadPoolExecutor(6) as threads:
        answers = list(
            threads.map(lambda _: deliver(own_stack, sent, offer, on="release.deleted"), range(6))
        )
    assert {answered.status for answered in answers} == {202}
    [request_id] = {answered.members["id"] for answered in answers}
    assert outcome_of(own_stack, request_id) == "canceled"
    assert [row["requestId"] for row in rows_of_offer(own_stack, offer)] == [request_id]
    assert cancel_calls(own_stack, offer) == 1


def test_what_is_not_listed_is_left_alone(own_stack: Stack) -> None:
    offer = "left-alone"
    own_stack.partner_center.create_offer(PUBLISHER, offer, "cancels-after-202")
    for name in ("github/ping.json", "github/push.json", "gitlab/release.delete.json"):
        answered = deliver(own_stack, delivery(name), offer, on="release.deleted")
        assert (answered.status, list(answered.members)) == (200, ["ignored"])
    [running] = own_stack.partner_center.truth(PUBLISHER, offer)
    assert running.cancel_requested_at is None
    assert rows_of_offer(own_stack, offer) == []


def test_what_proves_nothing_is_refused_and_left_alone(own_stack: Stack) -> None:
    offer = "unproven"
    own_stack.partner_center.create_offer(PUBLISHER, offer, "cancels-after-202")
    for name in SENT.values():
        sent = delivery(name)
        bare = Delivery(sent.sender, {"Content-Type": "application/json"}, sent.body)
        answered = deliver(own_stack, bare, offer, on=listed(name))
        assert (answered.status, answered.error[0]) == (401, "Unauthorized")
    assert answered_by_no_sender(own_stack).status == 404
    assert rows_of_offer(own_stack, offer) == []


def answered_by_no_sender(own_stack: Stack) -> Answered:
    return deliver(own_stack, Delivery("bitbucket", {}, b"{}"), "unproven", on="x")


def test_a_body_of_a_mebibyte_passes_and_a_larger_one_does_not(own_stack: Stack) -> None:
    sent = delivery("gitlab/release.delete.json")
    full = sent.body + b" " * (1024 * 1024 - len(sent.body))
    for body, status in ((full, 200), (full + b" ", 413)):
        answered = deliver(own_stack, Delivery("gitlab", sent.headers, body), "large", on="push")
        assert answered.status == status


def test_a_form_is_answered_with_the_setting_to_change(own_stack: Stack) -> None:
    sent = delivery("github/push.json").having(content_type="application/x-www-form-urlencoded")
    answered = deliver(own_stack, sent, "form", on="push")
    assert answered.status == 415
    assert "Content type to application/json" in answered.error[1]
