"""The HTTP trigger is held to its description by what Schemathesis makes of that."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from devstack.processes import ROOT
from devstack.stack import Stack
from shared.queues import CANCEL_REQUESTS
from tests.e2e.clean_logs import assert_clean, assert_nothing_crashed
from tests.e2e.seeing import count_on, rows

pytestmark = pytest.mark.integration

WRITTEN = schemathesis.openapi.from_path(ROOT / "docs/openapi.yaml").raw_schema
# Keys are Azure's to ask for; the local host takes requests without.
DESCRIPTION = schemathesis.openapi.from_dict({k: v for k, v in WRITTEN.items() if k != "security"})
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
ANSWERED: Counter[int] = Counter()
ACCEPTED: set[str] = set()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Takes requests and leaves them where they are, so that they can be counted."""
    asleep = {
        "AzureWebJobs.CancelQueueTrigger.Disabled": "true",
        "AzureWebJobs.PollTimerTrigger.Disabled": "true",
        "NOTIFICATION_ALLOWED_DOMAINS": "*",
    }
    with Stack(tmp_path_factory.mktemp("fuzzed"), settings=asleep) as running:
        yield running
    assert_clean(running)
    assert_nothing_crashed(running)


@settings(
    max_examples=200, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)
@DESCRIPTION.parametrize()
def test_the_trigger_does_what_its_description_says(
    case: schemathesis.Case[Any], stack: Stack
) -> None:
    answer = case.call_and_validate(base_url=stack.url, checks=CHECKS)
    ANSWERED[answer.status_code] += 1
    if answer.status_code == 202:
        ACCEPTED.add(json.loads(answer.content)["id"])


def test_every_request_that_was_accepted_has_its_row_and_its_message(stack: Stack) -> None:
    assert ANSWERED[202] > 20
    assert ANSWERED[400] > 20
    assert {row["requestId"] for row in rows(stack)} == ACCEPTED
    assert count_on(stack, CANCEL_REQUESTS) == len(ACCEPTED)


def test_the_description_names_the_one_path_there_is() -> None:
    route = json.loads(Path(ROOT / "CancelHttpTrigger/function.json").read_text(encoding="utf-8"))
    [binding] = [b for b in route["bindings"] if b["type"] == "httpTrigger"]
    assert {(path, *methods) for path, methods in WRITTEN["paths"].items()} == {
        (f"/api/{binding['route']}", *binding["methods"])
    }
