"""The HTTP functions are held to their description by what Schemathesis makes of that."""

import json
from collections import Counter, defaultdict
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
ANSWERED: defaultdict[str, Counter[int]] = defaultdict(Counter)
ACCEPTED: set[str] = set()


@settings(max_examples=40, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
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


def test_every_request_that_was_accepted_has_its_row_and_its_message(asleep: Stack) -> None:
    cancel, webhook = ANSWERED["cancel"], ANSWERED["receiveWebhook"]
    assert min(cancel[202], cancel[400], webhook[200], webhook[400]) > 10
    assert webhook[202]
    assert {row["requestId"] for row in rows(asleep)} == ACCEPTED
    # A repetition puts the message again as long as nobody has taken it.
    assert count_on(asleep, CANCEL_REQUESTS) == cancel[202] + webhook[202]
