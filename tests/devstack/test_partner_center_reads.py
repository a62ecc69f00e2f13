"""The documented shapes of reads, and the ways in which reads mislead."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest

from devstack.partner_center import Simulator, State
from devstack.partner_center.visitor import HandClock, Visitor

pytestmark = pytest.mark.integration

type Visit = Callable[..., Visitor]


def canceled(visitor: Visitor, clock: HandClock) -> Visitor:
    visitor.cancel()
    clock.advance(3)
    return visitor


def operation_id(visitor: Visitor) -> str:
    return str(visitor.get("submissions").json()[0]["id"])


def age_by_their_own_clock(visitor: Visitor) -> float:
    answer = visitor.get("submissions")
    created = datetime.fromisoformat(answer.json()[0]["createdDateTime"])
    return (parsedate_to_datetime(answer.headers["Date"]) - created).total_seconds()


def test_a_list_item_has_the_fields_of_the_sample_and_of_the_property_table(visit: Visit) -> None:
    [item] = visit("cancels-after-202").get("submissions").json()
    sample = {
        *("id", "offerId", "offerVersion", "offerTypeId", "publisherId", "submissionType"),
        *("submissionState", "publishingVersion", "slot", "version", "definition", "changedTime"),
    }
    assert set(item) == sample | {"createdDateTime", "lastActionDateTime"}
    assert len(str(item["version"])) == 18
    assert item["submissionType"] == "publish"
    assert item["slot"] == "staging"


def test_a_single_operation_has_the_fields_of_the_sample(visit: Visit) -> None:
    visitor = visit("cancels-after-202")
    view = visitor.get(f"operations/{operation_id(visitor)}").json()
    sample = {"status", "messages", "publishingVersion", "offerVersion", "steps"}
    assert sample | {"cancellationRequestState", "previewLinks", "liveLinks"} <= set(view)
    assert view["cancellationRequestState"] == "canCancel"
    assert [step["status"] for step in view["steps"]].count("inProgress") == 1


def test_an_operation_that_failed_says_so_with_an_error(visit: Visit, clock: HandClock) -> None:
    [item] = canceled(visit("fails-first"), clock).get("submissions").json()
    assert set(item["error"]) == {"code", "message"}


def test_the_list_is_found_with_and_without_a_slash_at_its_end(visit: Visit) -> None:
    visitor = visit("cancels-after-202")
    assert visitor.get("submissions/").json() == visitor.get("submissions").json()


def test_an_unknown_operation_is_not_found(visit: Visit) -> None:
    answer = visit("cancels-after-202").get("operations/408a4835-0000-1000-0000-000000000000")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NotFound")


def test_a_publish_runs_and_keeps_the_addresses_it_came_with(
    visit: Visit, simulator: Simulator, offer: str
) -> None:
    visitor = visit("never-published")
    location = visitor.publish().headers["Location"]
    [truth] = simulator.truth("contoso", offer)
    assert truth.id in location
    [item] = visitor.get("submissions").json()
    assert item["definition"] == {"metadata": {"emails": "a@contoso.com"}}


def test_a_second_publish_conflicts_with_the_one_that_runs(visit: Visit) -> None:
    answer = visit("cancels-after-202").publish()
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "Conflict")


def test_a_publish_just_started_shows_only_after_four_seconds(
    visit: Visit, simulator: Simulator, offer: str, clock: HandClock
) -> None:
    visitor = visit("list-lags")
    [truth] = simulator.truth("contoso", offer)
    assert truth.state is State.RUNNING
    assert (visitor.list_states(), visitor.offer_status()) == ([], "neverPublished")
    assert visitor.operation_status(truth.id) == "running"
    clock.advance(4)
    assert (visitor.list_states(), visitor.offer_status()) == (["running"], "running")


def test_before_a_publish_shows_the_one_before_it_does(visit: Visit, clock: HandClock) -> None:
    visitor = visit("list-lags-behind-past")
    assert (visitor.list_states(), visitor.offer_status()) == (["succeeded"], "succeeded")
    clock.advance(4)
    assert (visitor.list_states(), visitor.offer_status()) == (["running", "succeeded"], "running")


@pytest.mark.parametrize(
    ("scenario", "status"),
    [
        ("list-gone-400", 400),
        ("list-gone-404", 404),
        ("list-gone-405", 405),
        ("list-gone-410", 410),
    ],
)
def test_the_list_may_be_gone_while_the_status_remains(
    visit: Visit, scenario: str, status: int
) -> None:
    visitor = visit(scenario)
    assert visitor.get("submissions").status_code == status
    assert visitor.get("submissions/").status_code == status
    assert visitor.offer_status() == "running"


def test_the_list_may_have_the_oldest_first(visit: Visit) -> None:
    assert visit("list-oldest-first").list_states() == ["failed", "running"]


@pytest.mark.parametrize(
    ("scenario", "running", "ended"),
    [
        ("words-pascal", "Running", "Canceled"),
        ("words-documented", "running", "cancelled"),
        ("words-snake", "in_progress", "CANCELLED"),
        ("words-unknown", "Contemplating", "canceled"),
        ("words-unknown-end", "running", "Evaporated"),
    ],
)
def test_every_read_spells_the_states_in_the_same_other_way(
    visit: Visit, clock: HandClock, scenario: str, running: str, ended: str
) -> None:
    visitor = visit(scenario)
    operation = operation_id(visitor)
    for word in (running, ended):
        assert visitor.list_states() == [word]
        assert visitor.offer_status() == word
        assert visitor.operation_status(operation) == word
        canceled(visitor, clock)


@pytest.mark.parametrize(
    ("scenario", "word"),
    [
        ("words-pascal", "Succeeded"),
        ("words-documented", "completed"),
        ("words-snake", "Complete"),
    ],
)
def test_success_has_other_spellings_too(
    visit: Visit, simulator: Simulator, offer: str, scenario: str, word: str
) -> None:
    visitor = visit(scenario)
    simulator.finish("contoso", offer)
    assert visitor.list_states() == [word]


def test_only_the_offer_status_says_that_it_waits_for_review(visit: Visit) -> None:
    visitor = visit("waits-for-review")
    assert visitor.offer_status() == "WaitingForPublisherReview"
    assert visitor.list_states() == ["running"]


def test_a_single_operation_may_be_an_array_of_one(visit: Visit) -> None:
    visitor = visit("operation-as-array")
    operation = operation_id(visitor)
    [view] = visitor.get(f"operations/{operation}").json()
    assert (view["id"], view["status"]) == (operation, "running")


@pytest.mark.parametrize(
    ("scenario", "word"),
    [("operation-says-completed", "completed"), ("operation-says-failed", "failed")],
)
def test_the_single_operation_may_know_no_canceled_while_the_list_does(
    visit: Visit, clock: HandClock, scenario: str, word: str
) -> None:
    visitor = canceled(visit(scenario), clock)
    assert visitor.operation_status(operation_id(visitor)) == word
    assert visitor.list_states() == ["canceled"]


def test_reads_may_have_no_more_than_the_samples_show(visit: Visit) -> None:
    visitor = visit("sampled-fields-only")
    [item] = visitor.get("submissions").json()
    assert not {"createdDateTime", "lastActionDateTime"} & set(item)
    view = visitor.get(f"operations/{item['id']}").json()
    assert not {"id", "createdDateTime", "lastActionDateTime"} & set(view)


@pytest.mark.parametrize(("scenario", "seconds"), [("clock-ahead", 600), ("clock-behind", -600)])
def test_all_times_come_from_one_clock_that_is_not_ours(
    visit: Visit, simulator: Simulator, offer: str, scenario: str, seconds: int
) -> None:
    visitor = visit(scenario)
    created = visitor.get("submissions").json()[0]["createdDateTime"]
    [truth] = simulator.truth("contoso", offer)
    assert (datetime.fromisoformat(created) - truth.started_at).total_seconds() == seconds
    assert 59 <= age_by_their_own_clock(visitor) <= 60


def test_times_may_have_no_zone(visit: Visit, simulator: Simulator, offer: str) -> None:
    created = visit("times-without-zone").get("submissions").json()[0]["createdDateTime"]
    [truth] = simulator.truth("contoso", offer)
    assert datetime.fromisoformat(created).replace(tzinfo=UTC) == truth.started_at
