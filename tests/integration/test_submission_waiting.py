"""Requests that have to wait: for Partner Center, for settings, and not for ever."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from devstack.partner_center import State
from shared.errors import ConfigurationError
from shared.partner_center.protocol import PartnerCenter
from tests.integration.parts import policy
from tests.integration.stage import PUBLISHER, Stage

pytestmark = pytest.mark.integration

LONG = 10**6
EVERY_READ = ["list", "status", "operation"]


def misconfigured() -> PartnerCenter:
    raise ConfigurationError("Partner Center", ("PARTNER_CENTER_TENANT_ID is missing",))


@pytest.mark.parametrize("status", [302, 401, 408, 418, 429, 500, 502, 503, 504])
def test_a_read_that_fails_for_now_puts_the_request_back(stage: Stage, status: int) -> None:
    stage.given("cancels-after-202", faults=[{"on": ["list"], "first": 2, "status": status}])
    request_id = stage.ask()
    stage.submit()
    row = stage.row(request_id)
    assert (row.attempt, row.outcome, row.post_sent_at) == (1, None, None)
    assert str(status) in row.last_error
    assert 0 <= stage.requests.only.asked_delay <= 15
    assert stage.posts == []
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"


@pytest.mark.parametrize("scenario", ["html-reads", "oversized-body"])
def test_an_answer_that_cannot_be_read_puts_the_request_back(stage: Stage, scenario: str) -> None:
    stage.given(scenario)
    request_id = stage.ask()
    stage.submit()
    assert stage.row(request_id).attempt == 1
    assert stage.posts == []


@pytest.mark.parametrize("body", ["{}", "[{}]", '[{"id": "x"}]', '[{"status": "running"}]', "null"])
def test_a_list_counts_only_if_all_of_it_can_be_read(stage: Stage, body: str) -> None:
    stage.given("cancels-after-202", faults=[{"on": ["list"], "status": 200, "body": body}])
    request_id = stage.ask()
    stage.submit()
    assert stage.row(request_id).attempt == 1
    assert stage.posts == []


def test_the_delay_grows_with_every_attempt(stage: Stage) -> None:
    stage.given("cancels-after-202", faults=[{"on": EVERY_READ, "status": 503}])
    request_id = stage.ask()
    for attempt in range(1, 11):
        stage.submit()
        delay = stage.requests.only.asked_delay
        assert 0 <= delay <= (15 * 2 ** (attempt - 1) if attempt < 7 else 1080)
        assert stage.row(request_id).attempt == attempt
        assert stage.requests.members[0]["attempt"] == attempt
        stage.time.advance(delay)


@pytest.mark.parametrize(
    ("retry_after", "least", "most"), [("120", 120, 120), ("7200", 900, 900), ("soon", 0, 15)]
)
def test_partner_center_says_how_long_to_wait(
    stage: Stage, retry_after: str, least: float, most: float
) -> None:
    fault = {"on": ["list"], "status": 429, "headers": {"Retry-After": retry_after}}
    stage.given("cancels-after-202", faults=[fault])
    stage.ask()
    stage.submit()
    assert least <= stage.requests.only.asked_delay <= most


def test_a_date_to_wait_for_is_on_partner_centers_clock(stage: Stage) -> None:
    fault = {
        "on": ["cancel"],
        "status": 429,
        "retry_after_seconds": 300,
        "retry_after_as_date": True,
    }
    stage.given("clock-ahead", faults=[fault])
    stage.ask()
    stage.submit()
    assert 299 <= stage.requests.only.asked_delay <= 303


def test_a_throttled_call_was_not_sent(stage: Stage) -> None:
    stage.given("throttled-seconds")
    request_id = stage.ask()
    stage.submit()
    row = stage.row(request_id)
    assert (row.post_sent_at, row.target_operation_id) == (None, stage.target.id)


@pytest.mark.parametrize(
    "fault",
    [
        {"drop": True},
        {"drop": True, "carried_out": True},
        {"status": 500},
        {"status": 500, "carried_out": True},
        {"status": 302, "body": "", "headers": {"Location": "https://elsewhere.example/"}},
    ],
)
def test_a_call_that_may_have_arrived_is_followed_by_a_look_first(
    stage: Stage, fault: dict[str, Any]
) -> None:
    stage.given("cancels-after-202", faults=[{"on": ["cancel"], "first": 1, **fault}])
    request_id = stage.ask()
    stage.submit()
    row = stage.row(request_id)
    assert row.post_sent_at == stage.time()
    assert (row.post_confirmed_at, row.attempt) == (None, 1)
    stage.time.advance(60)
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"
    is_carried_out = "carried_out" in fault
    assert len(stage.posts) == (1 if is_carried_out else 2)


def test_an_outage_of_hours_loses_nothing(stage: Stage) -> None:
    stage.given("cancels-after-202", ends_after_seconds=LONG)
    request_id = stage.ask()
    stage.simulator.stop_answering()
    try:
        for _ in range(12):
            stage.submit_all()
            stage.time.advance(900)
        assert stage.row(request_id).post_sent_at is None
        assert "could not be reached" in stage.row(request_id).last_error
    finally:
        stage.simulator.start()
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"


def test_wrong_settings_make_requests_wait_until_they_are_mended(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.given("cancels-after-202", ends_after_seconds=LONG)
    request_id = stage.ask()
    for _ in range(8):
        stage.submit_all(partner_center=misconfigured)
        stage.time.advance(900)
    assert "PARTNER_CENTER_TENANT_ID is missing" in stage.row(request_id).last_error
    assert stage.requests_poison.kept == []
    events = [json.loads(r.message) for r in caplog.records if "settings-unusable" in r.message]
    assert events[0]["level"] == "error"
    assert events[0]["problems"] == ["PARTNER_CENTER_TENANT_ID is missing"]
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"


@pytest.mark.parametrize("fault", [{"on": EVERY_READ, "status": 503}, None])
def test_past_its_time_to_live_a_request_that_was_never_sent_expires(
    stage: Stage, fault: dict[str, Any] | None
) -> None:
    stage.given("cancels-after-202", ends_after_seconds=LONG, faults=[fault] if fault else [])
    request_id = stage.ask()
    stage.submit(partner_center=misconfigured)
    stage.time.advance(24 * 3600)
    before = len(stage.calls())
    stage.submit()
    row = stage.row(request_id)
    assert row.outcome is not None
    assert row.outcome.name == "expired"
    assert ("503" if fault else "TENANT_ID") in row.outcome.message
    assert len(stage.calls()) > before  # one look is made
    assert stage.posts == []
    stage.play_out(request_id)
    assert row.outcome.message in stage.mail.text


@pytest.mark.parametrize(
    ("state", "outcome"), [("canceled", "canceled"), ("succeeded", "completed-first")]
)
def test_the_look_past_the_time_to_live_may_tell_something_better(
    stage: Stage, state: str, outcome: str
) -> None:
    stage.given("cancels-after-202")
    request_id = stage.ask()
    stage.submit(partner_center=misconfigured)
    stage.simulator.finish(PUBLISHER, stage.offer, state)
    stage.time.advance(24 * 3600)
    stage.play_out(request_id)
    assert stage.outcome(request_id) == outcome
    assert stage.posts == []


def test_past_its_time_to_live_a_request_that_may_have_been_sent_is_followed(
    stage: Stage,
) -> None:
    faults = [{"on": ["cancel"], "first": 1, "drop": True}]
    stage.given("cancels-after-202", ends_after_seconds=LONG, faults=faults)
    request_id = stage.ask()
    stage.submit()
    stage.time.advance(24 * 3600)
    stage.submit()
    assert stage.outcome(request_id) == ""
    assert len(stage.posts) == 1
    stage.play_out(request_id, policy=policy(confirm_deadline=timedelta(minutes=2)))
    assert stage.outcome(request_id) == "unconfirmed"
    assert stage.target.state is State.RUNNING


@pytest.mark.parametrize(
    ("given", "expected"), [(-3600, -3600), (0, 0), (3600, 0), (None, 0)], ids=str
)
def test_a_request_was_made_at_the_earliest_time_that_is_known(
    stage: Stage, given: float | None, expected: float
) -> None:
    stage.given("cancels-after-202")
    now = stage.time()
    claimed = None if given is None else (now + timedelta(seconds=given)).isoformat()
    request_id = stage.ask(requestedAt=claimed)
    stage.time.advance(300)
    stage.submit()
    assert stage.row(request_id).requested_at == now + timedelta(seconds=expected)


def test_a_time_in_another_zone_is_the_same_time(stage: Stage) -> None:
    stage.given("cancels-after-202")
    asked = stage.time() - timedelta(minutes=5)
    local = (asked + timedelta(hours=2)).replace(tzinfo=None).isoformat() + "+02:00"
    request_id = stage.ask(requestedAt=local)
    stage.submit()
    row = stage.row(request_id)
    assert row.requested_at == asked
    assert row.requested_at.tzinfo is not None
    assert isinstance(row.created_at, datetime)
