"""The platform ends the work: at its time limit, and when it shuts an instance down."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from devstack.partner_center import Call
from devstack.stack import Stack
from shared.queues import CANCEL_REQUESTS, PENDING_CANCELLATIONS
from tests.e2e.asking import PUBLISHER, ask
from tests.e2e.breaking import cancel_calls, started
from tests.e2e.clean_logs import assert_clean
from tests.e2e.limited import IMPATIENT, LEASE_SECONDS, app_with, let_checks_pass
from tests.e2e.seeing import count_on, eventually, outcomes_mailed

pytestmark = pytest.mark.integration

TIME_LIMIT = {"functionTimeout": "00:00:08"}
EXIT_TIME_LIMIT = 3
LONGER_THAN_ANY_LIMIT = 3600
# A read may take a third of the lease: longer than the limit, so that the limit comes first.
LIMITED = {**IMPATIENT, "POLL_RUN_SECONDS": "2", "POLL_LEASE_SECONDS": "27"}


def hangs(route: str, **members: object) -> dict[str, object]:
    """A fault: the first call on a route is not answered as long as anybody waits."""
    return {"on": [route], "first": 1, "delay_seconds": LONGER_THAN_ANY_LIMIT, **members}


@dataclass
class Limited:
    """What was asked for in a stack whose functions may run for seconds only, by what hung."""

    stack: Stack
    offers: dict[str, str] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    exit_codes: list[int] = field(default_factory=list)

    def begin(self, name: str, fault: dict[str, object]) -> None:
        self.offers[name] = started(self.stack, "cancels-after-202", faults=[fault])
        self.asked[name] = ask(self.stack, self.offers[name])

    def is_mailed(self, name: str) -> bool:
        """Whether its mail went out; the host is started again if it has ended by itself."""
        host = self.stack.host
        if (code := host.exit_code) is not None:
            self.exit_codes.append(code)
            host.stop()
            host.start()
        return bool(self.stack.events.all("mail-sent", self.asked[name]))

    def calls(self, name: str) -> list[Call]:
        return self.stack.partner_center.calls(PUBLISHER, self.offers[name])


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Limited]:
    """Requests that met the time limit and are through with it, supervised as the platform does."""
    folder = tmp_path_factory.mktemp("limited")
    app = app_with(folder / "app", **TIME_LIMIT)
    stack = Stack(folder / "state", app=app, settings=LIMITED, lease_seconds=LEASE_SECONDS)
    with stack:
        let_checks_pass(stack)
        story = Limited(stack)
        story.begin("the poll", hangs("operation"))
        story.begin("a call that is lost", hangs("cancel", status=503))
        story.begin("a call that is carried out", hangs("cancel", carried_out=True))
        for name in story.asked:
            eventually(lambda name=name: story.is_mailed(name), f"the end of {name}")  # type: ignore[misc]
        yield story
    assert_clean(stack)


def test_an_invocation_past_its_time_ends_its_worker(limited: Limited) -> None:
    assert set(limited.exit_codes) == {EXIT_TIME_LIMIT}
    timed_out = {each.details["function"] for each in limited.stack.events.all("function-timeout")}
    assert timed_out == {"CancelQueueTrigger", "PollTimerTrigger"}


@pytest.mark.parametrize("name", ["the poll", "a call that is lost", "a call that is carried out"])
def test_what_met_the_time_limit_ends_truly_and_is_mailed_once(limited: Limited, name: str) -> None:
    stack, request_id = limited.stack, limited.asked[name]
    assert outcomes_mailed(stack, request_id) == ["canceled"]
    [truth] = stack.partner_center.truth(PUBLISHER, limited.offers[name])
    assert truth.canceled_by_call


def test_no_second_call_is_sent_without_a_look(limited: Limited) -> None:
    calls = [call.method for call in limited.calls("a call that is lost")]
    first = calls.index("POST")
    second = calls.index("POST", first + 1)
    assert calls.count("POST") == 2
    assert "GET" in calls[first + 1 : second]


@pytest.mark.parametrize("name", ["the poll", "a call that is carried out"])
def test_a_call_that_was_carried_out_is_not_sent_again(limited: Limited, name: str) -> None:
    assert cancel_calls(limited.stack, limited.offers[name]) == 1


def test_nothing_is_poisoned_for_one_time_limit(limited: Limited) -> None:
    assert limited.stack.events.all("message-poisoned") == []
    for name in (CANCEL_REQUESTS, PENDING_CANCELLATIONS):
        # The event that the mail was sent comes before its message is deleted.
        eventually(lambda name=name: count_on(limited.stack, name) == 0, f"{name} is empty")  # type: ignore[misc]
