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
from tests.e2e.seeing import rows
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
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

type Case = schemathesis.Case[Any]
type Known = tuple[str, str, str]


class Caller(DESCRIPTION.as_state_machine()):  # type: ignore[misc]
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
        """Make a valid delivery one that its URL lists."""
        is_valid = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
        if is_valid and name_of(case) == "receiveWebhook":
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
        path = {"requestId": "", **case.path_parameters}
        known = path["publisherId"].lower(), path["offerId"], path["requestId"]
        if response.status_code in (200, 202) and case.method == "POST":
            self._learn(known, json.loads(response.content))
        elif response.status_code in (200, 202):
            self.is_withdrawn[known] |= name_of(case) == "withdraw"
            assert response.status_code == (200 if self.is_withdrawn[known] else 202)
        else:
            assert response.status_code != 404 or known not in self.is_withdrawn
        self.answered[name_of(case), response.status_code] += 1

    def _learn(self, known: Known, members: dict[str, str]) -> None:
        if "id" in members:
            self.is_withdrawn.setdefault((*known[:2], members["id"]), False)


def test_what_was_accepted_is_known_until_it_is_taken_back_and_after(asleep: Stack) -> None:
    Caller.url = asleep.url
    Caller.run(settings=BOUNDS)
    for followed in ("cancel", 202), ("receiveWebhook", 202), ("getStatus", 202), ("withdraw", 200):
        assert Caller.answered[followed] > 3
    assert Caller.answered["getStatus", 200]  # after it was taken back
    assert {row["requestId"] for row in rows(asleep)} == {each[2] for each in Caller.is_withdrawn}
