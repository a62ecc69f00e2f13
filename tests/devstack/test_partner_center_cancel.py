"""What a call to cancel does, and what it says: the two are asserted side by side."""

from collections.abc import Callable

import pytest

from devstack.partner_center import Simulator, State
from devstack.partner_center.visitor import HandClock, Visitor

pytestmark = pytest.mark.integration

type Visit = Callable[..., Visitor]


@pytest.fixture
def states(simulator: Simulator, offer: str) -> Callable[[], list[State]]:
    """The true states of the test's offer."""
    return lambda: [each.state for each in simulator.truth("contoso", offer)]


type States = Callable[[], list[State]]


@pytest.mark.parametrize(
    "scenario",
    [
        "cancels-after-202",
        "cancels-by-new-operation",
        "cancel-operation-listed",
        "not-migrated",
        "operation-location-absolute",
        "location-in-body",
        "no-location",
    ],
)
def test_a_cancel_that_is_accepted_takes_its_time_and_then_is_true(
    visit: Visit, states: States, clock: HandClock, scenario: str
) -> None:
    visitor = visit(scenario)
    assert visitor.cancel().status_code == 202
    clock.advance(2.4)
    assert states() == [State.CANCEL_REQUESTED]
    assert visitor.offer_status() == "running"
    clock.advance(0.2)
    assert states() == [State.CANCELED]
    assert visitor.offer_status() == "canceled"


def test_the_truth_tells_who_canceled_and_when(
    visit: Visit, simulator: Simulator, offer: str, clock: HandClock
) -> None:
    visitor = visit("cancels-after-202")
    visitor.cancel()
    clock.advance(60)
    [truth] = simulator.truth("contoso", offer)
    assert truth.canceled_by_call
    assert truth.cancel_requested_at is not None
    assert truth.ended_at is not None
    assert (truth.cancel_requested_at - truth.started_at).total_seconds() == 60
    assert (truth.ended_at - truth.cancel_requested_at).total_seconds() == 2.5


def test_the_location_of_a_migrated_offer_names_the_operation_that_is_canceled(
    visit: Visit, simulator: Simulator, offer: str, clock: HandClock
) -> None:
    visitor = visit("cancels-after-202")
    location = visitor.cancel().headers["Location"]
    [truth] = simulator.truth("contoso", offer)
    path = f"/api/publishers/contoso/offers/{offer}/operations/{truth.id}"
    assert location == f"{path}?api-version=2017-10-31"
    assert visitor.follow(location).json()["status"] == "running"
    clock.advance(3)
    assert visitor.follow(location).json()["status"] == "canceled"


def test_the_location_of_a_new_cancel_operation_ends_succeeded(
    visit: Visit, simulator: Simulator, offer: str, clock: HandClock
) -> None:
    visitor = visit("cancels-by-new-operation")
    location = visitor.cancel().headers["Location"]
    assert simulator.truth("contoso", offer)[0].id not in location
    assert visitor.follow(location).json()["status"] == "running"
    clock.advance(3)
    assert visitor.follow(location).json()["status"] == "succeeded"
    assert visitor.list_states() == ["canceled"]


def test_a_listed_cancel_operation_stands_before_the_publish_it_cancels(
    visit: Visit, clock: HandClock
) -> None:
    visitor = visit("cancel-operation-listed")
    visitor.cancel()
    items = visitor.get("submissions").json()
    assert [item["submissionType"] for item in items] == ["cancel", "publish"]
    clock.advance(3)
    assert visitor.list_states() == ["succeeded", "canceled"]


def test_the_location_of_an_offer_not_migrated_has_the_dollar_form(
    visit: Visit, offer: str, clock: HandClock
) -> None:
    visitor = visit("not-migrated")
    location = visitor.cancel().headers["Location"]
    assert location == f"/api/operations/contoso${offer}$2$preview?api-version=2017-10-31"
    assert visitor.follow(location).json()["status"] == "running"
    clock.advance(3)
    assert visitor.follow(location).json()["status"] == "canceled"


def test_the_absolute_operation_location_lacks_the_api_version(
    visit: Visit, simulator: Simulator
) -> None:
    answer = visit("operation-location-absolute").cancel()
    assert "Location" not in answer.headers
    assert answer.headers["Operation-Location"].startswith(f"{simulator.url}/api/publishers/")
    assert "?" not in answer.headers["Operation-Location"]


def test_the_location_in_the_body_is_in_no_header(visit: Visit) -> None:
    visitor = visit("location-in-body")
    answer = visitor.cancel()
    assert not {"Location", "Operation-Location"} & set(answer.headers)
    assert visitor.follow(answer.json()["location"]).json()["status"] == "running"


def test_no_location_is_none_anywhere(visit: Visit) -> None:
    answer = visit("no-location").cancel()
    assert not {"Location", "Operation-Location"} & set(answer.headers)
    assert answer.content == b""


def test_a_synchronous_cancel_is_true_when_it_is_answered(visit: Visit, states: States) -> None:
    assert visit("cancels-at-once").cancel().status_code == 200
    assert states() == [State.CANCELED]


def test_a_200_may_come_before_the_cancel_is_true(
    visit: Visit, states: States, clock: HandClock
) -> None:
    assert visit("answers-200-cancels-later").cancel().status_code == 200
    assert states() == [State.CANCEL_REQUESTED]
    clock.advance(3)
    assert states() == [State.CANCELED]


def test_a_publish_that_has_not_started_can_be_canceled(
    visit: Visit, states: States, clock: HandClock
) -> None:
    visitor = visit("queued-publish")
    assert (states(), visitor.list_states()) == ([State.NOT_STARTED], ["notStarted"])
    visitor.cancel()
    clock.advance(3)
    assert states() == [State.CANCELED]


def test_a_repeated_cancel_changes_nothing(
    visit: Visit, simulator: Simulator, offer: str, clock: HandClock
) -> None:
    visitor = visit("cancels-by-new-operation")
    first = visitor.cancel()
    clock.advance(2)
    assert visitor.cancel().headers["Location"] == first.headers["Location"]
    clock.advance(1)
    assert simulator.truth("contoso", offer)[0].state is State.CANCELED


def test_a_cancel_is_accepted_although_nothing_runs(visit: Visit, states: States) -> None:
    visitor = visit("idle-but-202")
    answer = visitor.cancel()
    assert answer.status_code == 202
    assert visitor.follow(answer.headers["Location"]).json()["status"] == "succeeded"
    assert states() == [State.SUCCEEDED]


def test_a_cancel_is_accepted_although_nothing_ever_ran(visit: Visit, states: States) -> None:
    visitor = visit("never-published")
    answer = visitor.cancel()
    assert (answer.status_code, "Location" in answer.headers) == (202, False)
    assert (visitor.list_states(), visitor.offer_status()) == ([], "neverPublished")
    assert states() == []


@pytest.mark.parametrize(
    ("scenario", "end"), [("completes-first", State.SUCCEEDED), ("fails-first", State.FAILED)]
)
def test_a_publish_may_end_before_the_cancel_takes_effect(
    visit: Visit, simulator: Simulator, offer: str, clock: HandClock, scenario: str, end: State
) -> None:
    visitor = visit(scenario)
    assert visitor.cancel().status_code == 202
    clock.advance(3)
    [truth] = simulator.truth("contoso", offer)
    assert (truth.state, truth.canceled_by_call) == (end, False)
    assert visitor.list_states() == [end]


def test_a_cancel_may_fail_while_the_publish_runs_on(
    visit: Visit, states: States, clock: HandClock
) -> None:
    visitor = visit("cancel-fails")
    location = visitor.cancel().headers["Location"]
    clock.advance(3)
    assert visitor.follow(location).json()["status"] == "failed"
    assert (states(), visitor.list_states()) == ([State.RUNNING], ["running"])


def test_a_cancel_may_be_accepted_and_ignored(
    visit: Visit, states: States, clock: HandClock
) -> None:
    assert visit("cancel-ignored").cancel().status_code == 202
    clock.advance(600)
    assert states() == [State.RUNNING]


def test_a_newer_publish_takes_the_place_of_the_one_that_ran(
    visit: Visit, states: States, clock: HandClock
) -> None:
    visitor = visit("replaced-by-newer")
    assert visitor.list_states() == ["running"]
    clock.advance(1.5)
    assert states() == [State.SUCCEEDED]
    clock.advance(1)
    assert states() == [State.SUCCEEDED, State.RUNNING]
    assert visitor.list_states() == ["running", "succeeded"]


def test_a_newer_publish_between_read_and_cancel_is_the_one_that_is_hit(
    visit: Visit, states: States, clock: HandClock
) -> None:
    visitor = visit("newer-before-cancel")
    assert visitor.list_states() == ["running"]
    visitor.cancel()
    clock.advance(3)
    assert states() == [State.SUCCEEDED, State.CANCELED]


@pytest.mark.parametrize(
    ("scenario", "names"),
    [
        ("location-foreign-host", "https://elsewhere.example/api/publishers/contoso/"),
        ("location-other-publisher", "/api/publishers/somebody-else/offers/"),
        ("location-other-offer", "/api/publishers/contoso/offers/another-offer/"),
    ],
)
def test_a_location_may_lead_astray_while_the_cancel_works(
    visit: Visit, states: States, clock: HandClock, scenario: str, names: str
) -> None:
    assert visit(scenario).cancel().headers["Location"].startswith(names)
    clock.advance(3)
    assert states() == [State.CANCELED]
