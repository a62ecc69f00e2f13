"""Polling: what is read of Partner Center, when, and what it comes to."""

import json
from datetime import timedelta
from typing import Any

import pytest

from devstack.partner_center import State
from shared.errors import ConfigurationError
from shared.models import to_json
from shared.partner_center.protocol import PartnerCenter
from tests.integration.parts import policy
from tests.integration.raw_server import RawServer, read_request
from tests.integration.stage import PUBLISHER, Stage, a_pending

pytestmark = pytest.mark.integration

LONG = 10**6
TICK = 16
SLOW = {"cancel_seconds": LONG, "ends_after_seconds": LONG}
EVERY_READ = ["list", "status", "operation"]
CANCEL_OPERATION = (
    "/api/publishers/{publisher}/offers/{offer}/operations/{cancel_operation}"
    "?api-version=2017-10-31"
)


def reads(stage: Stage) -> list[str]:
    return [call.path.rsplit("/", 1)[1] for call in stage.calls() if call.method == "GET"]


def test_a_location_that_names_the_target_is_all_that_is_read(stage: Stage) -> None:
    stage.given("cancels-after-202", **SLOW)
    stage.pend()
    before = len(stage.calls())
    stage.poll()
    assert [call.path for call in stage.calls()[before:]] == [
        f"/api/publishers/{PUBLISHER}/offers/{stage.offer}/operations/{stage.target.id}"
    ]
    assert (stage.pending_now.polls, stage.pending_now.last_state) == (1, "running")


def test_a_location_that_names_another_operation_decides_nothing(stage: Stage) -> None:
    stage.given("cancels-by-new-operation", cancel_seconds=60, ends_after_seconds=30)
    request_id = stage.pend()
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "completed-first"


@pytest.mark.parametrize("status", [400, 404, 405, 410])
def test_a_location_that_leads_nowhere_leaves_it_to_target_and_list(
    stage: Stage, status: int
) -> None:
    stage.given("cancels-after-202", faults=[{"on": ["operation"], "status": status}])
    request_id = stage.pend()
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"
    assert reads(stage)[-1] == "submissions"


@pytest.mark.parametrize("words", ["operation-says-completed", "operation-says-failed"])
def test_an_end_other_than_canceled_is_confirmed_against_the_list(stage: Stage, words: str) -> None:
    stage.given(words)
    request_id = stage.pend()
    stage.poll()
    assert stage.outcome(request_id) == "canceled"


def test_without_a_target_the_status_of_the_offer_decides(stage: Stage) -> None:
    gone = [{"on": ["list"], "status": 404, "code": "NotFound"}]
    stage.given("no-location", faults=gone, ends_after_cancel_seconds=1, ends="failed")
    request_id = stage.pend()
    stage.poll()
    assert stage.outcome(request_id) == "failed-first"
    assert "status" in reads(stage)[-2:]  # the list is tried for what else was canceled


def test_a_failed_cancel_is_told_only_when_the_target_runs_30_seconds_later(
    stage: Stage,
) -> None:
    stage.given("cancel-fails", ends_after_seconds=LONG)
    request_id = stage.pend()
    stage.poll()
    seen_at = stage.pending_now.cancel_failed_at
    assert seen_at == stage.time()
    row = stage.play_out(request_id)
    assert row.outcome is not None
    assert row.outcome.name == "cancel-failed"
    assert row.outcome.at - seen_at >= timedelta(seconds=30)
    assert stage.target.state is State.RUNNING
    assert "STILL RUNNING" in stage.mail.subject


def test_a_failed_cancel_of_a_publish_that_ends_meanwhile_gives_its_end(stage: Stage) -> None:
    stage.given("cancel-fails", ends_after_seconds=LONG)
    request_id = stage.pend()
    stage.poll()
    stage.simulator.finish(PUBLISHER, stage.offer, "canceled")
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"


def test_who_asked_does_not_wait_for_hours_for_a_list_that_changes_no_outcome(
    stage: Stage,
) -> None:
    stage.given("cancels-after-202", faults=[{"on": ["list"], "skip": 1, "status": 500}])
    request_id = stage.pend()
    row = stage.play_out(request_id, minutes=2)
    assert row.outcome is not None
    assert row.outcome.name == "canceled"
    assert "It is not known whether another publish" in stage.mail.text


def test_an_end_that_a_list_has_to_confirm_waits_for_it(stage: Stage) -> None:
    until_then = {"on": ["list"], "skip": 1, "first": 6, "status": 500}
    stage.given("operation-says-completed", faults=[until_then])
    request_id = stage.pend()
    stage.play_out(request_id, minutes=20)
    assert stage.outcome(request_id) == "canceled"
    assert reads(stage).count("submissions") == 8


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
            stage.time.advance(900)
            stage.poll(policy=short)
    finally:
        stage.simulator.start()
    assert stage.outcome(request_id) == ""
    assert stage.pending_now.failures == 8
    assert stage.pending_now.readable_seconds < 60
    since = stage.time()
    row = stage.play_out(request_id, policy=short)
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
        stage.time.advance(900)
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
    assert reads(stage).count(stage.target.id) == 6


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


@pytest.mark.parametrize(
    "shape",
    [
        "http://127.0.0.1:{port}/api/publishers/{pub}/offers/{offer}/operations/{id}",
        "//127.0.0.1:{port}/api/publishers/{pub}/offers/{offer}/operations/{id}",
        "{origin}@127.0.0.1:{port}/api/publishers/{pub}/offers/{offer}/operations/{id}",
        "@127.0.0.1:{port}/api/publishers/{pub}/offers/{offer}/operations/{id}",
        "{origin}\\@127.0.0.1:{port}/api/publishers/{pub}/offers/{offer}/operations/{id}",
        "/api/publishers/{pub}/offers/{offer}/operations/../../../../../admin/scenarios",
        "/api/publishers/somebody-else/offers/{offer}/operations/{id}",
        "/api/publishers/{pub}/offers/another/operations/{id}",
        "/api/publishers/{pub}/offers/{offer}/operations/{id}?api-version=2017-10-31&x=1",
        "/api/publishers/{pub}/offers/{offer}/operations/{id}#x",
        "/api/publishers/{pub}/offers/{offer}/cancel",
        "/admin/scenarios",
        "",
    ],
)
def test_a_location_that_somebody_has_put_into_a_message_leads_nowhere_else(
    stage: Stage, shape: str
) -> None:
    stage.given("cancels-after-202", **SLOW)
    with RawServer(lambda connection: None) as elsewhere:
        location = shape.format(
            port=elsewhere.port,
            origin=stage.simulator.url,
            pub=PUBLISHER,
            offer=stage.offer,
            id=stage.target.id,
        )
        stage.pending.adapter.put(to_json(a_pending(stage, location=location)))
        before = len(stage.simulator.calls())
        stage.poll()
        assert elsewhere.connections == 0
    path = f"/api/publishers/{PUBLISHER}/offers/{stage.offer}/operations/{stage.target.id}"
    assert {(call.path, call.query) for call in stage.simulator.calls()[before:]} == {
        (path, "api-version=2017-10-31")
    }
    assert stage.pending_now.polls == 1


def test_a_redirect_is_not_followed_and_decides_nothing(stage: Stage) -> None:
    def never(connection: Any) -> None:
        read_request(connection)

    with RawServer(never) as elsewhere:
        fault = {"on": EVERY_READ, "skip": 2, "status": 307, "body": ""}
        stage.given(
            "cancels-after-202", faults=[{**fault, "headers": {"Location": elsewhere.url + "/x"}}]
        )
        stage.pend()
        stage.poll()
        assert elsewhere.connections == 0
    assert "307" in stage.pending_now.last_error
