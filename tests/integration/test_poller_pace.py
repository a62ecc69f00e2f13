"""Polling: how often, for how long, and how many at once."""

import json
from datetime import timedelta

import pytest

from shared.backoff import LONGEST_WAIT_SECONDS
from shared.errors import ConfigurationError
from shared.models import to_json
from shared.partner_center.protocol import PartnerCenter
from tests.integration.parts import policy
from tests.integration.stage import Stage, a_pending

pytestmark = pytest.mark.integration

LONG = 10**6
TICK = 16
SLOW = {"cancel_seconds": LONG, "ends_after_seconds": LONG}
EVERY_READ = ["list", "status", "operation"]


def test_polls_come_every_tick_and_later_each_fortieth_of_the_age(stage: Stage) -> None:
    stage.given("cancels-after-202", **SLOW)
    stage.pend()
    for _ in range(3):
        stage.poll()
        assert 11 <= stage.pending.only.asked_delay <= 15
        stage.time.advance(TICK)
    stage.time.advance(1200)
    stage.poll()
    assert 27 <= stage.pending.only.asked_delay <= 36
    stage.time.advance(2400)
    stage.poll()
    assert 81 <= stage.pending.only.asked_delay <= 104


@pytest.mark.parametrize(("retry_after", "asked"), [("240", 240), ("7200", 900)])
def test_a_poll_that_is_throttled_waits_as_long_as_it_is_told(
    stage: Stage, retry_after: str, asked: float
) -> None:
    fault = {"on": EVERY_READ, "skip": 2, "status": 429, "headers": {"Retry-After": retry_after}}
    stage.given("cancels-after-202", faults=[fault])
    stage.pend()
    stage.poll()
    assert stage.pending.only.asked_delay == asked
    assert (stage.pending_now.failures, stage.pending_now.polls) == (1, 0)
    assert "429" in stage.pending_now.last_error


def test_only_time_in_which_partner_center_could_be_read_counts(stage: Stage) -> None:
    stage.given("cancels-after-202", **SLOW)
    request_id = stage.pend()
    short = policy(confirm_deadline=timedelta(minutes=5))
    stage.poll(policy=short)
    stage.simulator.stop_answering()
    try:
        for _ in range(8):
            stage.time.advance(LONGEST_WAIT_SECONDS)
            stage.poll(policy=short)
    finally:
        stage.simulator.start()
    assert stage.outcome(request_id) == ""
    assert stage.pending_now.failures == 8
    assert stage.pending_now.readable_seconds < 60
    since = stage.time()
    row = stage.play_out(request_id, minutes=90, policy=short)
    assert row.outcome is not None
    assert row.outcome.name == "unconfirmed"
    assert row.outcome.at - since >= timedelta(minutes=4)
    assert "running" in stage.mail.text


def test_after_24_hours_nobody_polls_any_longer(stage: Stage) -> None:
    stage.given("cancels-after-202", **SLOW)
    request_id = stage.pend()
    stage.poll()
    stage.simulator.stop_answering()
    try:
        for _ in range(24):
            stage.time.advance(3600)
            stage.poll()
    finally:
        stage.simulator.start()
    row = stage.row(request_id)
    assert row.outcome is not None
    assert row.outcome.name == "unconfirmed"
    assert "could not be reached" in row.outcome.message
    assert "running" in stage.mail.text


def test_wrong_settings_make_polls_wait_until_they_are_mended(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    def misconfigured() -> PartnerCenter:
        raise ConfigurationError("Partner Center", ("A is missing", "B is missing"))

    stage.given("cancels-after-202")
    request_id = stage.pend()
    for _ in range(8):
        stage.poll(partner_center=misconfigured)
        stage.time.advance(LONGEST_WAIT_SECONDS)
    assert (stage.pending_now.failures, stage.pending_poison.kept) == (8, [])
    told = [json.loads(r.message) for r in caplog.records if "settings-unusable" in r.message]
    assert told[0]["problems"] == ["A is missing", "B is missing"]
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"


def test_three_failures_in_a_row_end_the_run(stage: Stage) -> None:
    stage.given("cancels-after-202", faults=[{"on": EVERY_READ, "status": 503}])
    for _ in range(12):
        stage.pending.adapter.put(to_json(a_pending(stage)))
    stage.poll(policy=policy(poll_concurrency=1))
    assert len(stage.calls()) == 3
    stage.time.advance(900)
    stage.poll(policy=policy(poll_concurrency=1))
    assert len(stage.calls()) == 6


def test_failures_between_which_something_could_be_read_end_nothing(stage: Stage) -> None:
    faults = [
        {"on": ["operation"], "skip": 2, "first": 1},
        {"on": ["operation"], "first": 5, "status": 503},
    ]
    stage.given("cancels-after-202", faults=faults)
    for _ in range(6):
        stage.pending.adapter.put(to_json(a_pending(stage)))
    stage.poll(policy=policy(poll_concurrency=1))
    assert sum(call.path.endswith(stage.target.id) for call in stage.calls()) == 6


def test_a_refusal_to_be_read_is_no_storm(stage: Stage) -> None:
    stage.given("cancels-after-202", faults=[{"on": EVERY_READ, "status": 403}])
    for _ in range(5):
        stage.pending.adapter.put(to_json(a_pending(stage)))
    stage.poll(policy=policy(poll_concurrency=1))
    assert len(stage.calls()) == 5


def test_no_more_is_taken_than_there_are_free_workers(stage: Stage) -> None:
    stage.given("cancels-after-202", **SLOW)
    for _ in range(7):
        stage.pending.adapter.put(to_json(a_pending(stage)))
    wanted = []

    class Counting:
        def __getattr__(self, name: str) -> object:
            return getattr(stage.pending.adapter, name)

        def receive(self, most: int, lease_seconds: float) -> object:
            wanted.append((most, lease_seconds))
            return stage.pending.adapter.receive(most, lease_seconds)

    stage.poll(pending=Counting(), policy=policy(poll_concurrency=3))
    assert max(most for most, _ in wanted) == 3
    assert {lease for _, lease in wanted} == {120}
    assert [members["polls"] for members in stage.pending.members] == [1] * 7
