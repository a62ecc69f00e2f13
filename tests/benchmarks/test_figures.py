"""What the benchmarks compute, without running anything."""

import pytest

from benchmarks import prices, until_mail
from benchmarks.figures import percentile
from benchmarks.rows import Row, render
from benchmarks.scenarios import attributed
from benchmarks.wire import Exchange

QUEUE = "/devstoreaccount1/pending-cancellations/messages"


def exchange(
    target: str,
    *,
    service: str = "Queue",
    method: str = "GET",
    request: str = "",
    response: str = "",
) -> Exchange:
    return Exchange(service, method, target, request.encode(), 200, response.encode(), 0.0)


def message(message_id: str, offer: str = "") -> str:
    return f"<QueueMessage><MessageId>{message_id}</MessageId>{offer}</QueueMessage>"


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert [percentile(values, share) for share in (0.0, 0.5, 0.95, 1.0)] == [1, 3, 5, 5]


def test_the_table_shows_value_baseline_ratio_and_whether_the_goal_is_met() -> None:
    row = Row(
        group="poll",
        name="polls",
        value=60.0,
        unit="per s",
        baseline="one at a time",
        baseline_value=4.0,
        goal="at least 56",
        met=True,
        note="on two cores",
    )
    [titles, _, group, line, note] = render([row]).splitlines()
    assert titles.split() == ["what", "value", "unit", "baseline", "is", "ratio", "goal", "met"]
    assert group == "[poll]"
    shown = "polls* 60.00 per s one at a time 4.00 15.00 at least 56 yes"
    assert " ".join(line.split()) == shown
    assert note == "* polls: on two cores"


def test_transactions_are_counted_for_the_offer_that_they_were_made_for() -> None:
    counts = attributed(
        [
            exchange("/devstoreaccount1/cancellations(RowKey='counted-1%3Aid')", service="Table"),
            exchange(QUEUE, method="POST", request="counted-1", response=message("m1")),
            exchange(QUEUE, method="POST", request="counted-2", response=message("m2")),
            exchange(QUEUE, response=message("m1", "counted-1") + message("m2", "counted-2")),
            exchange(f"{QUEUE}/m1?popreceipt=x", method="DELETE"),
        ]
    )
    assert counts == {
        ("counted-1", "Table"): 1,
        ("counted-1", "Queue"): 3,
        ("counted-2", "Queue"): 2,
    }


@pytest.mark.parametrize(
    "nobodys",
    [
        exchange(QUEUE, response="<QueueMessagesList />"),
        exchange(f"{QUEUE}?peekonly=true", response=message("m1", "counted-1")),
        exchange("/a/cancellations()?$filter=isOpen%20eq%20true", response="counted-1"),
    ],
)
def test_what_is_done_for_no_message_is_counted_for_none(nobodys: Exchange) -> None:
    assert not attributed([nobodys])


def test_polling_at_a_fixed_interval_hears_of_the_end_at_the_next_poll() -> None:
    heard = until_mail.follow(100.0, 0.0, 1.0, until_mail.every(30.0))
    assert heard.calls == 4
    assert heard.late_seconds == pytest.approx(120 + until_mail.CALL_SECONDS + 1 - 100)


def test_the_apps_own_schedule_hears_of_an_early_end_within_a_tick() -> None:
    for end in range(30, 1100, 7):
        heard = until_mail.follow(float(end), end % 15, 0.0, None)
        assert heard.late_seconds <= until_mail.TICK_SECONDS + until_mail.CALL_SECONDS
        assert heard.calls >= end // 15


def test_who_polls_more_often_hears_sooner_of_the_same_operations() -> None:
    often, seldom = (until_mail.play(50, 0.0, until_mail.every(s)) for s in (1.0, 300.0))
    assert all(a.late_seconds <= b.late_seconds for a, b in zip(often, seldom, strict=True))


def test_an_execution_is_billed_for_a_second_at_least_and_in_steps_after() -> None:
    one = prices.executions(1, 0.004, with_grants=False)
    assert one == prices.executions(1, 1.0, with_grants=False)
    longer = prices.executions(1, 1.01, with_grants=False)
    assert longer - one == pytest.approx(0.1 * prices.INSTANCE_GB * prices.GB_SECOND)
    assert prices.executions(1000, 1.0, with_grants=True) == 0
