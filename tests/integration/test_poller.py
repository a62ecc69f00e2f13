"""Polling: what is read of Partner Center, when, and what it comes to."""

from datetime import timedelta
from typing import Any

import pytest

from devstack.partner_center import State
from shared.models import to_json
from tests.integration.raw_server import RawServer, read_request
from tests.integration.stage import PUBLISHER, Stage, a_pending

pytestmark = pytest.mark.integration

LONG = 10**6
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
