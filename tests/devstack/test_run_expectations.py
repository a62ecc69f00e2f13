from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from devstack.events import Event, EventLog, parse_event, render_event
from devstack.expectations import expected_outcome, wrongly_canceled
from devstack.fates import FATES, Fate, Submitted
from devstack.mailbox import ReceivedMail
from devstack.partner_center import Call, State, TrueOperation, scenarios
from devstack.results import NONE, Result, render_results

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def operation(
    state: State,
    *,
    started: float = -60,
    ended: float | None = None,
    cancel_requested: float | None = None,
) -> TrueOperation:
    return TrueOperation(
        id="an-operation",
        state=state,
        started_at=at(started),
        ended_at=None if ended is None else at(ended),
        cancel_requested_at=None if cancel_requested is None else at(cancel_requested),
        canceled_by_call=state is State.CANCELED,
    )


def cancel_call(status: int) -> Call:
    return Call("POST", "/api/publishers/p/offers/o/cancel", status, at(1), "", b"")


def expected(*truth: TrueOperation, calls: tuple[Call, ...] = (), asked: float = 0) -> str:
    return expected_outcome(truth, calls, requested_at=at(asked), submitted_at=at(0))


def test_a_publish_that_was_canceled_was_canceled() -> None:
    assert expected(operation(State.CANCELED, ended=3, cancel_requested=1)) == "canceled"


def test_a_publish_that_succeeded_after_the_request_completed_first() -> None:
    assert expected(operation(State.SUCCEEDED, ended=3, cancel_requested=1)) == "completed-first"


def test_a_publish_that_failed_after_the_request_failed_first() -> None:
    assert expected(operation(State.FAILED, ended=3)) == "failed-first"


def test_with_no_publish_at_all_there_was_nothing_to_cancel() -> None:
    assert expected() == "nothing-to-cancel"


def test_a_publish_that_ended_before_the_request_was_nothing_to_cancel() -> None:
    assert expected(operation(State.SUCCEEDED, ended=-10)) == "nothing-to-cancel"


def test_a_publish_that_ended_while_the_request_waited_counts() -> None:
    ended = operation(State.SUCCEEDED, ended=-10)
    assert expected(ended, asked=-30) == "completed-first"


def test_a_publish_newer_than_the_request_supersedes_it() -> None:
    older = operation(State.SUCCEEDED, started=-60, ended=-20)
    newer = operation(State.RUNNING, started=-10)
    assert expected(older, newer, asked=-30) == "superseded"


def test_a_publish_still_running_after_a_refusal_means_rejected() -> None:
    running = operation(State.RUNNING)
    assert expected(running, calls=(cancel_call(400),)) == "rejected"


def test_a_publish_still_running_after_its_cancel_failed_means_cancel_failed() -> None:
    running = operation(State.RUNNING, cancel_requested=1)
    assert expected(running, calls=(cancel_call(202),)) == "cancel-failed"


def test_a_publish_still_running_with_nothing_known_is_unconfirmed() -> None:
    assert expected(operation(State.RUNNING), calls=(cancel_call(202),)) == "unconfirmed"


def test_the_truth_outweighs_a_refusal_of_a_repeated_call() -> None:
    canceled = operation(State.CANCELED, ended=3, cancel_requested=1)
    assert expected(canceled, calls=(cancel_call(0), cancel_call(404))) == "canceled"


def test_a_newer_publish_that_was_asked_to_be_canceled_is_named() -> None:
    newer = operation(State.CANCELED, started=5, ended=9, cancel_requested=6)
    meant = operation(State.CANCELED, ended=3, cancel_requested=1)
    assert wrongly_canceled([meant, newer], requested_at=at(0)) == [newer.id]
    assert wrongly_canceled([meant], requested_at=at(0)) == []


def test_the_requests_of_a_run_differ_and_their_scenarios_exist() -> None:
    assert len({fate.offer for fate in FATES}) == len(FATES) == 9
    assert {fate.scenario for fate in FATES} <= set(scenarios())
    assert sum(fate.is_queued for fate in FATES) == 1
    assert [fate.deliveries for fate in FATES if fate.deliveries] == [2]


def mail(outcome: str, number: int = 1) -> ReceivedMail:
    message = EmailMessage()
    message["Subject"] = f"Ended as {outcome}: contoso/an-offer"
    message["X-Offer-Cancel-Outcome"] = outcome
    return ReceivedMail(number, at(12), "", (), message, Path("0001.eml"))


def result(recorded: str, *mails: ReceivedMail, deliveries: int = 0, **told: Any) -> Result:
    fate = Fate("an-offer", "cancels-after-202", "a story", deliveries=deliveries)
    submitted = Submitted("12345678-1234-1234-1234-123456789012", fate, at(0), at(0))
    once = Result(submitted, recorded, mails, "canceled", (), ("canceled", "canceled"), 1, 1)
    return replace(once, **told)


def test_an_outcome_recorded_and_mailed_as_it_is_true_is_no_problem() -> None:
    assert result("canceled", mail("canceled")).problems == []


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (result("completed-first", mail("canceled")), "recorded is completed-first, but the truth"),
        (result("canceled", mail("rejected")), "mailed was rejected, but the truth is canceled"),
        (result("canceled"), r"mailed was \(none\)"),
        (result("canceled", mail("canceled"), mail("canceled")), "mailed was canceled, canceled"),
        (result("canceled", mail("canceled"), wrongly_canceled=("x",)), "newer.*: x"),
        (
            result("canceled", mail("canceled"), status=("failed", "expired")),
            "told failed, expired, but the truth is canceled, canceled",
        ),
        (
            result("canceled", mail("canceled"), deliveries=2, requests=2, cancel_calls=2),
            "2 deliveries led to 2 requests, 2 cancel calls, 1 outcome mail, which must not",
        ),
    ],
)
def test_whatever_is_not_true_is_a_problem_in_words(wrong: Result, problem: str) -> None:
    with pytest.raises(AssertionError, match=problem):
        raise AssertionError("; ".join(wrong.problems))


def test_a_request_has_ended_once_its_outcome_is_recorded_and_mailed() -> None:
    assert result("canceled", mail("canceled")).has_ended
    assert not result("canceled").has_ended
    assert not result(NONE, mail("canceled")).has_ended


@pytest.mark.parametrize("width", [80, 100])
def test_the_table_fits_and_names_what_is_wrong_below(width: int) -> None:
    table = render_results([result("rejected", mail("rejected"))], width=width)
    lines = table.splitlines()
    assert all(len(line) <= width for line in lines)
    assert lines[1].startswith(
        "12345678  an-offer           canceled  rejected           NO     12.0"
    )
    assert "the truth is canceled" in " ".join(lines[2:])


def test_what_deliveries_have_led_to_is_said_below_the_table() -> None:
    told = render_results([result("canceled", mail("canceled"), deliveries=2)], width=100)
    assert (
        "12345678 an-offer: 2 deliveries led to 1 request, 1 cancel call, 1 outcome mail." in told
    )


LINE = (
    '{"event": "cancel-accepted", "level": "info", "time": "2026-11-21T12:00:03.456Z", '
    '"requestId": "12345678-1234-1234-1234-123456789012", "status": 202, '
    '"location": "/api/publishers/contoso/offers/a-vm/operations/'
    'abcdef00-1234-1234-1234-123456789012?api-version=2017-10-31"}'
)


def parsed(line: str) -> Event:
    event = parse_event(line)
    assert event
    return event


def test_an_event_shows_time_request_and_details_within_the_width() -> None:
    text = render_event(parsed(LINE), width=80)
    assert text.startswith("12:00:03.4  12345678  cancel accepted       status=202\n")
    assert "operations/abcdef00...?" in text.replace("\n", "").replace(" ", "")
    assert all(len(line) <= 80 for line in text.splitlines())
    assert all(line.strip() for line in text.splitlines())


def test_an_event_that_nobody_has_seen_before_is_shown_too() -> None:
    event = parsed('{"event": "moon-landed", "height": 3, "crew": ["a", "b"]}')
    assert render_event(event, width=80).split() == [
        "-", "moon", "landed", "height=3", 'crew=["a",', '"b"]',
    ]  # fmt: skip


def test_an_event_cannot_steer_the_terminal() -> None:
    event = parsed(r'{"event": "odd", "reason": "\u001b[2Jgone\nand more"}')
    assert render_event(event, width=80).endswith("reason=?[2Jgone?and more")


def test_only_warnings_and_errors_are_colored_and_only_if_wanted() -> None:
    error = Event("failed", level="error")
    assert render_event(error, width=80, in_color=True).startswith("\033[31m")
    assert "\033" not in render_event(error, width=80)
    assert "\033" not in render_event(Event("polled"), width=80, in_color=True)


@pytest.mark.parametrize("line", ["INFO app: hello", "{not json", '{"noEvent": 1}', '{"event": 1}'])
def test_a_line_without_an_event_is_none(line: str) -> None:
    assert parse_event(line) is None


@pytest.mark.parametrize(
    "predicate", [lambda event: event.name == "polled", lambda event: event.request_id == "a"]
)
def test_an_event_that_has_already_happened_is_found(predicate: Callable[[Event], bool]) -> None:
    log = EventLog()
    log.add(Event("accepted", request_id="b"))
    log.add(Event("polled", request_id="a"))
    assert log.wait_for(predicate, timeout=0.0).name == "polled"
    assert [event.name for event in log.all(request_id="b")] == ["accepted"]


def test_an_event_that_never_happens_is_told_with_those_that_did() -> None:
    log = EventLog()
    log.add(Event("accepted"))
    with pytest.raises(TimeoutError, match="accepted"):
        log.wait_for(lambda event: event.name == "polled", timeout=0.01)
