"""What hangs, or ends the host, holds up no other request: on the real host, as it is deployed."""

from collections.abc import Iterator

import pytest

from devstack.stack import Stack
from shared.pending_step import SUSPECT_CRASHES
from tests.e2e.asking import PUBLISHER, ask, enqueue, message_for
from tests.e2e.breaking import cancel_calls, started
from tests.e2e.clean_logs import assert_clean
from tests.e2e.seeing import event_of, eventually, outcome_of, row_of
from tests.integration.scripted_smtp import ScriptedSmtp, Trouble

pytestmark = pytest.mark.integration

HANGING = 12  # as many as host.json leaves room for
KILLS = SUSPECT_CRASHES + 1  # the last of them while it is taken alone
LONG = 600
SETTINGS = {
    "POLL_SCHEDULE": "*/2 * * * * *",
    "SECOND_LOOK_SECONDS": "2",
    "RETRY_FIRST_SECONDS": "1",
    "POLL_CONCURRENCY": "2",
    "POLL_LEASE_SECONDS": "6",
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("isolation")
    with Stack(folder, settings=SETTINGS, lease_seconds=5) as running:
        yield running
    assert_clean(running)


def names_about(stack: Stack, request_ids: list[str]) -> set[str]:
    """The names of all events so far about these requests."""
    return {event.name for event in stack.events.all() if event.request_id in request_ids}


def test_a_dozen_cancel_calls_that_hang_hold_up_no_other_request(stack: Stack) -> None:
    slow = {"on": ["cancel"], "first": 1, "delay_seconds": 100}
    offers = [started(stack, "cancels-after-202", faults=[slow]) for _ in range(HANGING)]
    hanging = [ask(stack, offer) for offer in offers]
    eventually(lambda: all(cancel_calls(stack, offer) for offer in offers), "every call hangs")
    enqueue(stack, "nonsense")
    others = [ask(stack, started(stack, "cancels-at-once")) for _ in range(3)]
    others.append(enqueue(stack, message_for(started(stack, "cancels-at-once"))))
    assert {outcome_of(stack, each) for each in others} == {"canceled"}
    assert not names_about(stack, hanging) & {"cancel-accepted", "request-rescheduled"}
    stack.host.kill()  # nobody waits for those calls any more
    stack.host.start()
    assert {outcome_of(stack, each) for each in hanging} == {"canceled"}


def has_ended(stack: Stack, request_id: str) -> None:
    """Wait for the outcome, whether or not it can be mailed."""
    eventually(lambda: row_of(stack, request_id).get("outcome"), "it has its outcome")


def test_a_mail_server_that_hangs_leaves_workers_to_poll(stack: Stack) -> None:
    pending = started(stack, "cancels-after-202", cancel_seconds=LONG, ends_after_seconds=LONG)
    polled = ask(stack, pending)
    event_of(stack, polled, "polled")
    stack.mailbox.stop()
    with ScriptedSmtp(stack.mailbox.port, GREETING=Trouble.SAY_NOTHING):
        unmailed = [ask(stack, started(stack, "cancels-at-once")) for _ in range(4)]
        for each in unmailed:
            has_ended(stack, each)
        stack.partner_center.finish(PUBLISHER, pending, "canceled")
        has_ended(stack, polled)
        assert "mail-deferred" not in names_about(stack, [*unmailed, polled])
    stack.mailbox.start()
    assert {outcome_of(stack, each) for each in (*unmailed, polled)} == {"canceled"}


def reads_of(stack: Stack, offer: str) -> int:
    calls = stack.partner_center.calls(PUBLISHER, offer)
    return sum("/operations/" in call.path for call in calls)


def test_a_request_that_ends_the_host_again_and_again_holds_up_no_other(stack: Stack) -> None:
    slow = {"on": ["operation"], "first": KILLS, "delay_seconds": LONG}
    offer = started(stack, "cancels-after-202", cancel_seconds=1, faults=[slow])
    deadly, others = ask(stack, offer), list[str]()
    for kills in range(KILLS):
        eventually(lambda kills=kills: reads_of(stack, offer) > kills, "it is read once more")  # type: ignore[misc]
        stack.host.kill()
        stack.host.start()
        others.append(ask(stack, started(stack, "cancels-at-once")))
    for each in others:
        has_ended(stack, each)
    assert outcome_of(stack, deadly) == "canceled"
