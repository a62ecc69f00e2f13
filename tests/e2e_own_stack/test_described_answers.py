"""Every answer that the description has is really given, and is as it says there."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from schemathesis import Response

from devstack.stack import Stack
from shared.webhooks.secrets import Sender
from tests.description import CONFORMANCE, DESCRIPTION, WRITTEN, AsTheSender
from tests.e2e.asking import PUBLISHER
from tests.e2e.breaking import started
from tests.e2e.clean_logs import assert_clean, assert_nothing_crashed
from tests.e2e.seeing import event_of, eventually
from tests.e2e_own_stack.test_callers_and_traces import ANA, BOB, entra
from tests.payloads.deliveries import SECRETS, delivery

pytestmark = pytest.mark.integration

SETTINGS = {
    "POLL_SCHEDULE": "*/2 * * * * *",
    "SECOND_LOOK_SECONDS": "2",
    "RETRY_FIRST_SECONDS": "1",
    "ALLOWED_PUBLISHERS": PUBLISHER,
    "WEBSITE_AUTH_ENABLED": "True",
    "ALLOWED_CALLERS": f"{ANA}, {BOB}=fabrikam",
    "WEBHOOK_SECRETS": SECRETS,
}
UNKNOWN = "00000000-0000-4000-8000-000000000000"
LISTED = "release.deleted"

type Answer = tuple[str, str, str]
type Call = Callable[..., Response]

# Nobody knows how to make it crash.
DESCRIBED: list[Answer] = [
    (operation["operationId"], status, media_type)
    for methods in WRITTEN["paths"].values()
    for operation in methods.values()
    for status, response in operation["responses"].items()
    for media_type in (
        WRITTEN["components"]["responses"][response["$ref"].rpartition("/")[2]]
        if "$ref" in response
        else response
    ).get("content", {})
    if status != "500"
]


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("described"), settings=SETTINGS) as running:
        yield running
    assert_clean(running)
    assert_nothing_crashed(running)


@pytest.fixture(scope="module")
def given(own_stack: Stack) -> set[Answer]:
    """Operation, status and media type of every answer to calls of every kind."""
    seen: set[Answer] = set()

    def call(operation: str, *path: str, caller: str | None = ANA, **of_case: Any) -> Response:
        names = ("offerId", "requestId", "sender", "publisherId")
        defaults = ("described", UNKNOWN, "github", PUBLISHER)
        values = (*path, *defaults[len(path) :])
        headers = {**(entra(caller) if caller else {}), **of_case.pop("headers", {})}
        proof = of_case.pop("proof", AsTheSender())
        case = DESCRIPTION.find_operation_by_id(operation).Case(
            path_parameters=dict(zip(names, values, strict=True)), headers=headers, **of_case
        )
        answer = case.call_and_validate(base_url=own_stack.url, checks=CONFORMANCE, auth=proof)
        kind = answer.headers["content-type"][0].partition(";")[0]
        seen.add((operation, str(answer.status_code), kind))
        return answer

    ask_to_cancel(call)
    follow(call, own_stack)
    deliver(call)
    look_at_the_list(call)
    own_stack.storage.stop()
    ask_without_storage(call)
    own_stack.storage.start()
    return seen


def ask_to_cancel(call: Call) -> None:
    key = {"Idempotency-Key": str(uuid.uuid4())}
    for reason in ("one", "another"):
        call("cancel", headers=key, body={"reason": reason})
    call("cancel", query={"api-version": "2018-01-01"})
    call("cancel", body={"metadata": {"notification-emails": "nobody"}})
    call("cancel", caller=None)
    call("cancel", caller=BOB)
    call("cancel", "described", UNKNOWN, "", "fabrikam")
    call("cancel", body={"reason": "x" * 16_384})
    call("cancel", body={}, headers={"Content-Type": "text/plain"})


def follow(call: Call, own_stack: Stack) -> None:
    offer = started(own_stack, "cancels-after-202", cancel_seconds=600)
    request_id = id_in(call("cancel", offer))
    event_of(own_stack, request_id, "cancel-accepted")
    call("getStatus", offer, request_id)
    call("withdraw", offer, request_id)  # too late
    own_stack.partner_center.finish(PUBLISHER, offer, "canceled")
    eventually(
        lambda: call("getStatus", offer, request_id).status_code == 200, "the request has ended"
    )
    call("withdraw", offer, request_id)
    busy = {"on": ["list"], "status": 503, "code": "Busy", "message": "Later."}
    offer = started(own_stack, "cancels-after-202", faults=[busy])
    request_id = id_in(call("cancel", offer))
    event_of(own_stack, request_id, "request-rescheduled")
    for operation in ("withdraw", "withdraw", "getStatus"):
        assert call(operation, offer, request_id).status_code == 200
    for operation in ("getStatus", "withdraw"):
        call(operation)
        call(operation, "described", "7")
        call(operation, caller=None)
        call(operation, caller=BOB)


def deliver(call: Call) -> None:
    sent = delivery(f"github/{LISTED}.json")
    headers, body = dict(sent.headers), json.loads(sent.body)
    listed = {"on": LISTED}
    for query in (listed, {**listed, "reason": "x"}, {"on": "push"}, {"on": "*"}, {}):
        call("receiveWebhook", query=query, headers=headers, body=body)
    call("receiveWebhook", "described", "", "bitbucket", query=listed, headers=headers, body=body)
    call("receiveWebhook", "x", "", "github", "fabrikam", query=listed, headers=headers, body=body)
    call("receiveWebhook", query=listed, headers=headers, body={"x": "x" * 1024**2})
    for sender in Sender:
        call("receiveWebhook", "described", "", sender, query=listed, body=body, proof=None)
    text = {"Content-Type": "text/plain"}
    call("receiveWebhook", query=listed, headers={**headers, **text}, body=body)


def look_at_the_list(call: Call) -> None:
    for accept in ("application/json", "text/html"):
        headers = {"Accept": accept}
        for query in ({}, {"top": "3"}, {"top": "x"}, {"publisherId": "fabrikam"}):
            call("listRequests", query=query, headers=headers)
        call("listRequests", caller=None, headers=headers)
        call("listRequests", caller=BOB, query={"publisherId": PUBLISHER}, headers=headers)
    story = {"publisherId": PUBLISHER, "offerId": "described", "id": UNKNOWN}
    call("listRequests", query=story, headers={"Accept": "text/html"})


def ask_without_storage(call: Call) -> None:
    for operation in ("cancel", "getStatus", "withdraw", "listRequests"):
        call(operation)
    call("listRequests", headers={"Accept": "text/html"})
    sent = delivery(f"github/{LISTED}.json")
    query, body = {"on": LISTED}, json.loads(sent.body)
    call("receiveWebhook", query=query, headers=dict(sent.headers), body=body)


def id_in(answer: Response) -> str:
    return str(json.loads(answer.content)["id"])


@pytest.mark.parametrize("answer", DESCRIBED, ids=" ".join)
def test_an_answer_that_is_described_is_given(given: set[Answer], answer: Answer) -> None:
    assert answer in given


def test_no_answer_is_given_that_is_not_described(given: set[Answer]) -> None:
    assert given <= set(DESCRIBED)
