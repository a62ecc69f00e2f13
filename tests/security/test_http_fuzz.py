"""The HTTP functions are held to their description by what Schemathesis makes of that."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from devstack.stack import Stack
from shared.queues import CANCEL_REQUESTS
from tests.description import CHECKS, DESCRIPTION, AsTheSender, name_of
from tests.e2e.seeing import count_on, rows

pytestmark = pytest.mark.integration

REFUSALS = [*CHECKS, negative_data_rejection]
BOTH_WAYS = [*REFUSALS, positive_data_acceptance]
# What may be a delivery's key goes by its sender, and a continuation is what a nextLink had.
BEYOND_SCHEMAS = ("receiveWebhook", "listRequests")
# What accepts requests, and its most frequent answer to a call that it can read.
ACCEPTING = {"cancel": 202, "receiveWebhook": 200}
ANSWERED: defaultdict[str, Counter[int]] = defaultdict(Counter)
ACCEPTED: set[str] = set()


@pytest.fixture(scope="module", autouse=True)
def _what_was_accepted_is_there(asleep: Stack) -> Iterator[None]:
    """In the end every request that was accepted has its row and its message."""
    yield
    assert {row["requestId"] for row in rows(asleep)} == ACCEPTED
    # A repetition puts the message again as long as nobody has taken it.
    put = sum(answered[202] for name, answered in ANSWERED.items() if name in ACCEPTING)
    assert count_on(asleep, CANCEL_REQUESTS) == put
    for name in ACCEPTING & ANSWERED.keys():
        taken, refused = ANSWERED[name][ACCEPTING[name]], ANSWERED[name][400]
        assert min(taken, refused) > 10, f"{name} was not asked often enough in both ways"


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@DESCRIPTION.parametrize()
def test_a_function_does_what_its_description_says(
    case: schemathesis.Case[Any], asleep: Stack
) -> None:
    operation = name_of(case)
    checks = REFUSALS if operation in BEYOND_SCHEMAS else BOTH_WAYS
    answer = case.call_and_validate(base_url=asleep.url, auth=AsTheSender(), checks=checks)
    ANSWERED[operation][answer.status_code] += 1
    if case.method == "POST" and answer.status_code == 202:
        ACCEPTED.add(json.loads(answer.content)["id"])
