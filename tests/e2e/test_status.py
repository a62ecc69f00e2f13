"""Asking after a request, and taking it back, as the clients of Microsoft's API do it."""

from typing import Any

import pytest
import requests
from azure.core import PipelineClient
from azure.core.pipeline import PipelineResponse
from azure.core.pipeline.transport import RequestsTransport
from azure.core.polling import LROPoller
from azure.core.polling.base_polling import LROBasePolling
from azure.core.rest import HttpRequest, HttpResponse

from devstack.stack import Stack
from tests.e2e.asking import PUBLISHER, ask, path_of, send, with_emails
from tests.e2e.seeing import (
    DEADLINE_SECONDS,
    event_of,
    eventually,
    outcome_mail,
    outcome_of,
)

pytestmark = pytest.mark.integration

VERSION = "?api-version=2017-10-31"


class Hasty(RequestsTransport):  # type: ignore[misc]
    """Asks again at once: a client's patience is no part of what is tested.

    Attributes:
        waits: How often it has waited so far.
    """

    waits = 0

    def sleep(self, duration: float) -> None:
        """Wait a little."""
        self.waits += 1
        super().sleep(min(duration, 0.1))


def status_url(offer: str, request_id: str) -> str:
    return f"/api/publishers/{PUBLISHER}/offers/{offer}/operations/{request_id}{VERSION}"


def members_of(answer: PipelineResponse[HttpRequest, HttpResponse]) -> dict[str, Any]:
    members: dict[str, Any] = answer.http_response.json()
    return members


@pytest.mark.parametrize(
    ("scenario", "outcome", "status"),
    [
        ("cancels-after-202", "canceled", "canceled"),
        ("completes-first", "completed-first", "failed"),
    ],
)
def test_azure_cores_poller_ends_when_the_request_ends_and_reads_its_outcome(
    stack: Stack, scenario: str, outcome: str, status: str
) -> None:
    offer = f"lro-{scenario}"
    stack.partner_center.create_offer(PUBLISHER, offer, scenario)
    client: Any = PipelineClient(stack.url, transport=Hasty())
    with client:
        asked = HttpRequest("POST", stack.url + path_of(offer) + VERSION, content=b"")
        first = client.send_request(asked, _return_pipeline_response=True)
        polling: Any = LROBasePolling(timeout=0.1, path_format_arguments={"host": stack.url})
        poller = LROPoller(client, first, members_of, polling)
        result = poller.result(timeout=DEADLINE_SECONDS)
    assert poller.done()
    assert (result["outcome"], result["status"]) == (outcome, status)
    assert outcome_of(stack, result["id"]) == outcome


def test_azure_cores_poller_does_not_end_before_the_request(stack: Stack) -> None:
    stack.partner_center.create_offer(
        PUBLISHER, "lro-goes-on", "cancels-after-202", cancel_seconds=600
    )
    transport = Hasty()
    client: Any = PipelineClient(stack.url, transport=transport)
    with client:
        asked = HttpRequest("POST", stack.url + path_of("lro-goes-on") + VERSION, content=b"")
        first = client.send_request(asked, _return_pipeline_response=True)
        # With it the poller would go by the status in the body, and raise for all but success.
        assert "Operation-Location" not in first.http_response.headers
        polling: Any = LROBasePolling(timeout=0.1, path_format_arguments={"host": stack.url})
        poller = LROPoller(client, first, members_of, polling)
        event_of(stack, first.http_response.json()["id"], "cancel-accepted")
        asked_before = transport.waits
        eventually(lambda: transport.waits > asked_before + 3, "it has asked again")
        assert not poller.done()
        assert poller.status() == "InProgress"
        stack.partner_center.finish(PUBLISHER, "lro-goes-on", "canceled")
        assert poller.result(timeout=DEADLINE_SECONDS)["outcome"] == "canceled"


def test_a_client_that_follows_the_location_by_hand_sees_the_request_end(stack: Stack) -> None:
    stack.partner_center.create_offer(PUBLISHER, "by-hand", "cancels-after-202")
    with requests.Session() as session:
        asked = session.post(stack.url + path_of("by-hand") + VERSION, timeout=60)
        where = stack.url + asked.headers["Location"]
        seen = []

        def has_ended() -> bool:
            seen.append(session.get(where, timeout=60))
            return seen[-1].status_code != 202

        eventually(has_ended, "the status says that the request has ended")
    assert seen[-1].status_code == 200
    assert seen[-1].json()["status"] == "canceled"
    assert {answer.json()["status"] for answer in seen[:-1]} <= {"notStarted", "running"}
    assert all(answer.headers["Location"] == asked.headers["Location"] for answer in seen[:-1])
    steps = [step["step"] for step in seen[-1].json()["history"]]
    assert steps[0] == "request-accepted"


def test_a_request_is_known_from_its_202_on(stack: Stack) -> None:
    stack.partner_center.create_offer(PUBLISHER, "known", "cancels-at-once")
    answered = send(stack, path_of("known") + VERSION, with_emails())
    asked = send(stack, answered.headers["Location"], method="GET")
    assert asked.status in (200, 202)
    assert asked.members["id"] == answered.members["id"]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_request_that_nobody_made_is_not_known(stack: Stack, method: str) -> None:
    unknown = "00000000-0000-4000-8000-000000000000"
    assert send(stack, status_url("known", unknown), method=method).status == 404
    assert send(stack, status_url("known", "7"), method=method).error[0] == "BadRequest"


def test_a_request_is_taken_back_before_its_call_is_sent(stack: Stack) -> None:
    busy = {"on": ["list"], "status": 503, "code": "Busy", "message": "Later."}
    stack.partner_center.create_offer(PUBLISHER, "taken-back", "cancels-after-202", faults=[busy])
    request_id = ask(stack, "taken-back")
    event_of(stack, request_id, "request-rescheduled")
    answered = send(stack, status_url("taken-back", request_id), method="DELETE")
    assert answered.status == 200
    assert (answered.members["outcome"], answered.members["status"]) == ("withdrawn", "failed")
    mail = outcome_mail(stack, request_id)
    assert mail.subject == "NOT canceled, request taken back: contoso/taken-back"
    again = send(stack, status_url("taken-back", request_id), method="DELETE")
    assert (again.status, again.members["outcome"]) == (200, "withdrawn")
    [running] = stack.partner_center.truth(PUBLISHER, "taken-back")
    assert running.cancel_requested_at is None


def test_a_request_whose_call_was_sent_is_not_taken_back(stack: Stack) -> None:
    stack.partner_center.create_offer(PUBLISHER, "too-late", "cancels-after-202", cancel_seconds=6)
    request_id = ask(stack, "too-late")
    event_of(stack, request_id, "cancel-accepted")
    answered = send(stack, status_url("too-late", request_id), method="DELETE")
    assert (answered.status, answered.error[0]) == (409, "Conflict")
    assert outcome_of(stack, request_id) == "canceled"
    answered = send(stack, status_url("too-late", request_id), method="DELETE")
    assert "has ended as canceled" in answered.error[1]
