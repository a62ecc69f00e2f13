"""Calls that are refused, throttled, lost or late; and what was carried out all the same."""

from collections.abc import Callable
from email.utils import parsedate_to_datetime

import pytest
import requests

from devstack.partner_center import Simulator, State
from devstack.partner_center.visitor import HandClock, Visitor

pytestmark = pytest.mark.integration

type Visit = Callable[..., Visitor]
MIB = 2**20


@pytest.fixture
def true_state(simulator: Simulator, offer: str) -> Callable[[], State]:
    """The true state of the newest publish of the test's offer."""
    return lambda: simulator.truth("contoso", offer)[-1].state


type TrueState = Callable[[], State]


@pytest.mark.parametrize(
    ("scenario", "status"),
    [("refused-400", 400), ("refused-403", 403), ("refused-404", 404), ("refused-409", 409)],
)
def test_a_refused_cancel_is_refused_every_time_and_not_carried_out(
    visit: Visit, true_state: TrueState, clock: HandClock, scenario: str, status: int
) -> None:
    visitor = visit(scenario)
    for _ in range(3):
        answer = visitor.cancel()
        clock.advance(600)
        assert answer.status_code == status
        assert set(answer.json()["error"]) == {"code", "message"}
    assert true_state() is State.RUNNING


def test_a_busy_offer_accepts_the_cancel_three_seconds_later(
    visit: Visit, true_state: TrueState, clock: HandClock
) -> None:
    visitor = visit("busy-409-then-accepts")
    clock.advance(100)
    assert visitor.cancel().status_code == 409
    clock.advance(2.9)
    assert visitor.cancel().status_code == 409
    assert true_state() is State.RUNNING
    clock.advance(0.2)
    assert visitor.cancel().status_code == 202
    assert true_state() is State.CANCEL_REQUESTED


def test_a_cancel_without_if_match_is_told_what_it_lacks(
    visit: Visit, true_state: TrueState
) -> None:
    visitor = visit("needs-if-match")
    for _ in range(2):
        answer = visitor.cancel()
        assert answer.status_code == 400
        assert "If-Match" in answer.json()["error"]["message"]
    assert true_state() is State.RUNNING
    assert visitor.cancel({"If-Match": "*"}).status_code == 202


def test_a_throttled_cancel_is_told_how_many_seconds_to_wait(visit: Visit) -> None:
    visitor = visit("throttled-seconds")
    answers = [visitor.cancel() for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 202]
    assert answers[0].headers["Retry-After"] == "2"


def test_a_throttled_cancel_is_told_until_when_to_wait(visit: Visit) -> None:
    visitor = visit("throttled-date")
    answers = [visitor.cancel() for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 202]
    due = parsedate_to_datetime(answers[0].headers["Retry-After"])
    now = parsedate_to_datetime(answers[0].headers["Date"])
    assert 2 <= (due - now).total_seconds() <= 3


def test_throttled_reads_are_counted_together(visit: Visit) -> None:
    visitor = visit("throttled-reads")
    answers = [visitor.get("submissions"), visitor.get("operations/any")]
    assert [answer.status_code for answer in answers] == [429, 429]
    assert answers[0].headers["Retry-After"] == "2"
    assert visitor.list_states() == ["running"]


def test_an_outage_answers_html_to_everything_for_three_seconds(
    visit: Visit, clock: HandClock
) -> None:
    visitor = visit("unavailable-503")
    for answer in (visitor.get("submissions"), visitor.get("status"), visitor.cancel()):
        assert answer.status_code == 503
        assert answer.text.startswith("<html>")
    clock.advance(3)
    assert visitor.cancel().status_code == 202


def test_an_error_may_have_another_shape_than_the_envelope(visit: Visit) -> None:
    visitor = visit("failing-500")
    answers = [visitor.cancel() for _ in range(3)]
    assert [answer.status_code for answer in answers] == [500, 500, 202]
    assert set(answers[0].json()) == {"Variant"}


def test_an_error_may_hide_a_cancel_that_was_carried_out(
    visit: Visit, true_state: TrueState
) -> None:
    visitor = visit("error-though-carried-out")
    assert visitor.cancel().status_code == 500
    assert true_state() is State.CANCEL_REQUESTED


def test_slow_answers_come_late_but_right(visit: Visit) -> None:
    answer = visit("slow-answers").get("submissions")
    assert answer.elapsed.total_seconds() >= 1.9
    assert answer.json()[0]["submissionState"] == "running"


@pytest.mark.parametrize(
    ("scenario", "repeated"),
    [("answer-lost", 202), ("answer-lost-then-404", 404), ("answer-lost-then-409", 409)],
)
def test_a_lost_answer_hides_a_cancel_that_was_carried_out(
    visit: Visit, true_state: TrueState, clock: HandClock, scenario: str, repeated: int
) -> None:
    visitor = visit(scenario)
    with pytest.raises(requests.ConnectionError):
        visitor.cancel()
    assert true_state() is State.CANCEL_REQUESTED
    assert visitor.cancel().status_code == repeated
    clock.advance(3)
    assert true_state() is State.CANCELED


def test_a_lost_call_is_recorded_without_a_status(
    visit: Visit, simulator: Simulator, offer: str
) -> None:
    with pytest.raises(requests.ConnectionError):
        visit("answer-lost").cancel()
    [call] = simulator.calls("contoso", offer)
    assert (call.method, call.status) == ("POST", 0)


def test_a_dropped_connection_may_mean_that_nothing_was_done(
    visit: Visit, true_state: TrueState
) -> None:
    visitor = visit("connection-dropped")
    with pytest.raises(requests.ConnectionError):
        visitor.cancel()
    assert true_state() is State.RUNNING
    assert visitor.cancel().status_code == 202


def test_an_expired_token_is_refused_once_for_each_kind_of_call(visit: Visit) -> None:
    visitor = visit("token-expires-once")
    for path in ("submissions", "status"):
        assert [visitor.get(path).status_code for _ in range(2)] == [401, 200]
    assert [visitor.cancel().status_code for _ in range(2)] == [401, 202]


def test_reads_may_be_redirected_to_another_host(visit: Visit) -> None:
    answer = visit("redirects-reads").get("submissions")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("https://elsewhere.example/")


def test_an_oversized_body_is_right_json_and_too_long(visit: Visit) -> None:
    answer = visit("oversized-body").get("submissions")
    assert len(answer.content) > 2 * MIB
    assert answer.json()[0]["submissionState"] == "running"


def test_an_endless_body_begins_right_and_goes_on(visit: Visit) -> None:
    with visit("endless-body").get("status", stream=True) as answer:
        chunks = answer.iter_content(None)
        assert next(chunks).startswith(b'{"status":"running"')
        assert [next(chunks) for _ in range(3)] == [b" "] * 3


def test_html_may_come_with_200(visit: Visit) -> None:
    answer = visit("html-reads").get("status")
    assert (answer.status_code, answer.text[:6]) == (200, "<html>")
