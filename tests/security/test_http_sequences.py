"""Calls that follow from each other, as the links of the description lead from one to the next."""

import json
from collections import Counter
from typing import Any, ClassVar

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import GenerationMode

from devstack.stack import Stack
from tests.description import CHECKS, DESCRIPTION, AsTheSender, name_of
from tests.e2e.asking import send
from tests.payloads.deliveries import delivery

pytestmark = pytest.mark.integration

LISTED = {
    "github": "github/workflow_run.completed.cancelled.json",
    "gitlab": "gitlab/pipeline.canceled.json",
    "azure-devops": "azure-devops/build.complete.canceled.json",
    "standard": "standard/release.deleted.json",
}
BOUNDS = settings(
    max_examples=25,
    stateful_step_count=8,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

type Case = schemathesis.Case[Any]
type Known = tuple[str, str, str]


# What a list shows goes by all that was asked for before, and then nothing could be replayed.
LINKED = DESCRIPTION.exclude(operation_id="listRequests")


class Caller(LINKED.as_state_machine()):  # type: ignore[misc]
    """Calls as the links lead, and knows what each request has to answer by then.

    Attributes:
        url: The host.
        is_withdrawn: Every request that was accepted, and whether it was taken back.
        answered: How often each operation gave each status.
    """

    url: ClassVar[str]
    is_withdrawn: ClassVar[dict[Known, bool]] = {}
    answered: ClassVar[Counter[tuple[str, int]]] = Counter()

    def before_call(self, case: Case) -> None:
        """Make a valid delivery one that its URL lists, and no call the repetition of another."""
        is_valid = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
        if not is_valid:
            return
        case.headers.pop("Idempotency-Key", None)
        if name_of(case) == "receiveWebhook":
            name = LISTED[case.path_parameters["sender"]]
            sent = delivery(name)
            case.body = json.loads(sent.body)
            case.headers.update(sent.headers)
            case.query["on"] = name.partition("/")[2].removesuffix(".json")

    def get_call_kwargs(self, case: Case) -> dict[str, Any]:
        """Call the local host, and sign."""
        return {"base_url": self.url, "auth": AsTheSender()}

    def validate_response(
        self, response: schemathesis.Response, case: Case, *_: Any, **__: Any
    ) -> None:
        """Hold the answer to the description, and to what was answered before."""
        case.validate_response(response, checks=CHECKS)
        operation, status = name_of(case), response.status_code
        self.answered[operation, status] += 1
        members = json.loads(response.content) if status in (200, 202) else {}
        known = key_of({"requestId": "", **case.path_parameters, **members})
        if case.method == "POST" and "id" in members:
            self.is_withdrawn.setdefault(known, False)
        elif members and case.method != "POST":
            self.is_withdrawn[known] |= operation == "withdraw"
            assert status == (200 if self.is_withdrawn[known] else 202)
            assert status_of(members) == status_after(self.is_withdrawn[known])
        else:
            assert status != 404 or known not in self.is_withdrawn


def key_of(members: dict[str, str]) -> Known:
    request_id = members["id"] if "id" in members else members["requestId"]
    return members["publisherId"].lower(), members["offerId"], request_id


def status_of(members: dict[str, Any]) -> tuple[str, str | None]:
    return members["status"], members["outcome"]


def status_after(is_withdrawn: bool) -> tuple[str, str | None]:
    return ("failed", "withdrawn") if is_withdrawn else ("notStarted", None)


def whole_list(stack: Stack) -> list[dict[str, Any]]:
    """Every request, as the pages of the list have them."""
    found, link = [], "/api/cancellations?top=7"
    while link:
        members = send(stack, link, method="GET").members
        found += members["value"]
        link = members.get("nextLink", "")
    return found


def test_what_was_accepted_is_known_until_it_is_taken_back_and_after(asleep: Stack) -> None:
    Caller.url = asleep.url
    Caller.run(settings=BOUNDS)
    for followed in ("cancel", 202), ("receiveWebhook", 202), ("getStatus", 202), ("withdraw", 200):
        assert Caller.answered[followed] > 3
    assert Caller.answered["getStatus", 200]  # after it was taken back
    listed = whole_list(asleep)
    assert len(listed) == len(Caller.is_withdrawn)
    for shown in listed:
        assert status_of(shown) == status_after(Caller.is_withdrawn[key_of(shown)])
