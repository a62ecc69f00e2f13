"""Every scenario of the simulator, played from the request to the mail, and held to the truth."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec import to_builtins

from devstack.partner_center import State, scenarios
from shared.settings import PolicySettings
from tests.integration.parts import policy
from tests.integration.stage import PUBLISHER, REQUESTER, Stage

pytestmark = pytest.mark.integration

# Patience as short as it can be without ending what only takes a while.
CONFIRM_DEADLINE = timedelta(minutes=3)
TIME_TO_LIVE = timedelta(minutes=5)  # where nothing can be read, so that it is used up
FASTER: dict[str, dict[str, Any]] = {
    "slow-answers": {"delay_seconds": 0.05},
    "endless-body": {"drip_every_seconds": 0.02},
}
OTHERWISE = {
    "idle-but-202": "nothing-to-cancel",
    "never-published": "nothing-to-cancel",
    "completes-first": "completed-first",
    "fails-first": "failed-first",
    "cancel-fails": "cancel-failed",
    "cancel-ignored": "unconfirmed",
    "replaced-by-newer": "completed-first",
    "newer-before-cancel": "completed-first",
    "refused-400": "rejected",
    "refused-403": "rejected",
    "refused-404": "rejected",
    "refused-409": "rejected",
    "redirects-reads": "expired",
    "oversized-body": "expired",
    "endless-body": "expired",
    "html-reads": "expired",
    "words-unknown-end": "unconfirmed",
}
"""The outcome of the scenarios that do not end as canceled."""

TRUE_ENDS = {
    "canceled": State.CANCELED,
    "completed-first": State.SUCCEEDED,
    "failed-first": State.FAILED,
    "cancel-failed": State.RUNNING,
    "rejected": State.RUNNING,
    "expired": State.RUNNING,
}
"""What must be true of the publish for an outcome that says what became of it."""


def test_every_scenario_has_an_outcome() -> None:
    assert OTHERWISE.keys() <= scenarios().keys()
    assert set(OTHERWISE.values()) - TRUE_ENDS.keys() == {"nothing-to-cancel", "unconfirmed"}


def patience(scenario: str) -> PolicySettings:
    if OTHERWISE.get(scenario) == "expired":
        return policy(request_ttl=TIME_TO_LIVE)
    return policy(confirm_deadline=CONFIRM_DEADLINE)


@pytest.mark.parametrize("scenario", scenarios())
def test_the_outcome_of_a_scenario_is_true_and_mailed_once(stage: Stage, scenario: str) -> None:
    faults = [
        to_builtins(fault) | FASTER.get(scenario, {}) for fault in scenarios()[scenario].faults
    ]
    stage.given(scenario, faults=faults)
    request_id = stage.ask()
    center = stage.portal(read_seconds=0.2 if scenario == "endless-body" else None)
    row = stage.play_out(request_id, partner_center=lambda: center, policy=patience(scenario))
    assert row.outcome is not None
    outcome = row.outcome.name.value
    assert outcome == OTHERWISE.get(scenario, "canceled")
    if outcome in TRUE_ENDS:
        assert stage.truth_of(row.target_operation_id).state is TRUE_ENDS[outcome]
    assert stage.mail.message["X-Offer-Cancel-Outcome"] == outcome
    assert stage.mail.recipients == (REQUESTER,)
    assert stage.pending.kept == stage.pending_poison.kept == []
    assert stage.requests.kept == stage.requests_poison.kept == []
    seen = set(stage.simulator.authorizations)
    assert seen <= {f"Bearer {stage.simulator.token}"}
    assert {call.path.split("/")[3].split("$")[0] for call in stage.calls()} <= {PUBLISHER}
