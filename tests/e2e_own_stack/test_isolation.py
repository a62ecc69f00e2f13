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
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("isolation")
    with Stack(folder, settings=SETTINGS, lease_seconds=5) as running:
        yield running
    assert_clean(running)


def names_about(own_stack: Stack, request_ids: list[str]) -> set[str]:
    """The names of all events so far about these requests."""
    return {event.name for event in own_stack.events.all() if event.request_id in request_ids}


def test_a_dozen_cancel_calls_that_hang_hold_up_no_other_request(own_stack: Stack) -> None:
    slow = {"on": ["cancel"], "first": 1, "delay_seconds": 100}
    offers = [started(own_stack, "cancels-after-202", faults=[slow]) for _ in range(HANGING)]
    hanging = [ask(own_stack, offer) for offer in offers]
    eventually(lambda: all(cancel_calls(own_stack, offer) for offer in offers), "every call hangs")
    enqueue(own_stack, "nonsense")
    others = [ask(own_stack, started(own_stack, "cancels-at-once")) for _ in range(3)]
    others.append(enqueue(own_stack, message_for(started(own_stack, "cancels-at-once"))))
    assert {outcome_of(own_stack, each) for each in others} == {"canceled"}
    assert not names_about(own_stack, hanging) & {"cancel-accepted", "request-rescheduled"}
    own_stack.host.kill()  # nobody waits for those calls any more
    own_stack.host.start()
    assert {outcome_of(own_stack, each) for each in hanging} == {"canceled"}


def has_ended(own_stack: Stack, request_id: str) -> None:
    """Wait for the outcome, whether or not it can be mailed."""
    eventually(lambda: row_of(own_stack, request_id).get("outcome"), "it has its outcome")


def test_a_mail_server_that_hangs_leaves_workers_to_poll(own_stack: Stack) -> None:
    pending = started(own_stack, "cancels-after-202", cancel_seconds=LONG, ends_after_seconds=LONG)
    polled = ask(own_stack, pending)
    event_of(own_stack, polled, "polled")
    own_stack.mailbox.stop()
    with ScriptedSmtp(own_stack.mailbox.port, GREETING=Trouble.SAY_NOTHING):
        unmailed = [ask(own_stack, started(own_stack, "cancels-at-once")) for _ in range(4)]
        for each in unmailed:
            has_ended(own_stack, each)
        own_stack.partner_center.finish(PUBLISHER, pending, "canceled")
        has_ended(own_stack, polled)
        assert "mail-deferred" not in names_about(own_stack, [*unmailed, polled])
    own_stack.mailbox.start()
    assert {outcome_of(own_stack, each) for each in (*unmailed, polled)} == {"canceled"}


def reads_of(own_stack: Stack, offer: str) -> int:
    calls = own_stack.partner_center.calls(PUBLISHER, offer)
    return sum("/operations/" in call.path for call in calls)


def test_a_request_that_ends_the_host_again_and_again_holds_up_no_other(own_stack: Stack) -> None:
    slow = {"on": ["operation"], "first": KILLS, "delay_seconds": LONG}
    offer = started(own_stack, "cancels-after-202", cancel_seconds=1, faults=[slow])
    deadly, others = ask(own_stack, offer), list[str]()
    for kills in range(KILLS):
        eventually(lambda kills=kills: reads_of(own_stack, offer) > kills, "it is read once more")  # type: ignore[misc]
        own_stack.host.kill()
        own_stack.host.start()
        others.append(ask(own_stack, started(own_stack, "cancels-at-once")))
    for each in others:
        has_ended(own_stack, each)
    assert outcome_of(own_stack, deadly) == "canceled"
