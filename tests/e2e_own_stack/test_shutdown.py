"""The platform shuts an instance down: nothing new is taken, what is in hand ends or comes again.

No signal reaches Python code on Azure Functions: the host stops to listen and waits for a while.
What holds the rest is that every message in hand is under a lease.
"""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import requests

from devstack.stack import Stack
from shared.queues import CANCEL_REQUESTS
from tests.e2e.asking import PUBLISHER, ask, enqueue, message_for, queue_of
from tests.e2e.breaking import cancel_calls, let_another_pass, started
from tests.e2e.clean_logs import assert_clean
from tests.e2e.limited import IMPATIENT, LEASE_SECONDS
from tests.e2e.seeing import event_of, eventually, outcome_of, outcomes_mailed, row_of

pytestmark = pytest.mark.integration

# A read may take a third of the lease: longer than the host waits for what is in hand.
SETTINGS = {**IMPATIENT, "POLL_LEASE_SECONDS": "36"}
HANGS = {"first": 1, "delay_seconds": 3600}
SLOW = {"first": 1, "delay_seconds": 4}


@dataclass
class ShutDown:
    """A stack whose host was told to end while it worked, and has ended.

    Attributes:
        left_alone: Whether what came after the signal is there as if nobody had received it.
        events_before: How many events there were when it had ended.
    """

    stack: Stack
    offers: dict[str, str] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    left_alone: bool = False
    events_before: int = 0

    def begin(self, name: str, fault: dict[str, object]) -> None:
        self.offers[name] = started(self.stack, "cancels-after-202", faults=[fault])
        self.asked[name] = ask(self.stack, self.offers[name])

    def await_call(self, name: str, method: str, part: str) -> None:
        """Wait until Partner Center was called so about the offer."""
        calls = self.stack.partner_center.calls

        def is_called() -> bool:
            made = calls(PUBLISHER, self.offers[name])
            return any(call.method == method and part in call.path for call in made)

        eventually(is_called, f"{name}: {method} {part}")

    def shut_down(self) -> None:
        """Signal the host; send one request more once it takes none, and wait for its end."""
        stopping = threading.Thread(target=self.stack.host.stop)
        stopping.start()
        eventually(lambda: not _is_listening(self.stack), "the host has stopped to listen")
        self.offers["later"] = started(self.stack, "cancels-at-once")
        self.asked["later"] = enqueue(self.stack, message_for(self.offers["later"]))
        stopping.join()
        self.events_before = len(self.stack.events.all())
        with queue_of(self.stack, CANCEL_REQUESTS) as queue:
            found = {each.id: each.dequeue_count for each in queue.peek_messages(32)}
        # Hidden if it was received, and not peeked at then.
        self.left_alone = found.get(self.asked["later"]) == 0


def _is_listening(stack: Stack) -> bool:
    with contextlib.suppress(requests.ConnectionError):
        requests.get(stack.url, timeout=60)
        return True
    return False


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShutDown]:
    folder = tmp_path_factory.mktemp("shutdown")
    with Stack(folder, settings=SETTINGS, lease_seconds=LEASE_SECONDS) as stack:
        work = ShutDown(stack)
        work.begin("a poll that hangs", {"on": ["operation"], **HANGS})
        work.await_call("a poll that hangs", "GET", "/operations/")
        work.begin("a look that ends in time", {"on": ["list"], **SLOW})
        work.begin("a call that hangs", {"on": ["cancel"], "carried_out": True, **HANGS})
        work.await_call("a call that hangs", "POST", "/cancel")
        work.await_call("a look that ends in time", "GET", "/submissions")
        work.shut_down()
        yield work
    assert_clean(stack)


def test_nothing_is_received_after_the_signal(ended: ShutDown) -> None:
    assert ended.left_alone


def test_what_ends_in_time_is_written_down_and_the_rest_is_left_to_its_lease(
    ended: ShutDown,
) -> None:
    log = ended.stack.host.log.read_text(encoding="utf-8")
    assert "stopping with invocations still running: they are left to their leases" in log
    done = ended.asked["a look that ends in time"]
    assert row_of(ended.stack, done)["pendingQueued"]
    for name in ("a poll that hangs", "a call that hangs"):
        assert "outcome" not in row_of(ended.stack, ended.asked[name])


def test_started_again_all_of_it_ends_truly_and_is_mailed_once(ended: ShutDown) -> None:
    stack = ended.stack
    stack.host.start()
    for name, request_id in ended.asked.items():
        assert outcome_of(stack, request_id) == "canceled", name
    let_another_pass(stack)
    for name, request_id in ended.asked.items():
        assert outcomes_mailed(stack, request_id) == ["canceled"]
        assert cancel_calls(stack, ended.offers[name]) == 1
        [truth] = stack.partner_center.truth(PUBLISHER, ended.offers[name])
        assert truth.canceled_by_call
    assert event_of(stack, ended.asked["later"], "request-accepted", after=ended.events_before)
