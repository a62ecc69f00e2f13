"""Many requests, workers and steps of pollers that take turns at every effect, faults, at random.

What fails is shrunk by Hypothesis to the shortest history; it prints the calls to repeat it.
"""

import json
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from msgspec.structs import replace

from devstack.partner_center import State
from tests.simulation.boundaries import Fault, as_text
from tests.simulation.host import Host
from tests.simulation.oracle import problems
from tests.simulation.poison_stories import DEADLY, MALFORMED_PENDING, MALFORMED_REQUESTS
from tests.simulation.turns import by_seed
from tests.simulation.workers import Worker
from tests.simulation.world import Asked, World

OFFERS = ("offer-a", "offer-b")
SCENARIOS = (
    "cancels-after-202",
    "cancels-at-once",
    "cancels-by-new-operation",
    "answer-lost",
    "answer-lost-then-404",
    "newer-before-cancel",
    "completes-first",
    "idle-but-202",
)
KEYS = ("", "", "build 4711", "build 4712")
FUNCTION_SECONDS = 580.0
"""What the platform lets an invocation run, a little less for the effect that it is in."""
MOST_WORKERS = 3


class Histories(RuleBasedStateMachine):
    """The rules are what may happen next; the end is checked when all has come to rest."""

    @initialize(
        scenarios=st.tuples(st.sampled_from(SCENARIOS), st.sampled_from(SCENARIOS)),
        seed=st.integers(0, 99),
    )
    def two_offers(self, scenarios: tuple[str, str], seed: int) -> None:
        self.world = World(pick=by_seed(seed))
        self.host = Host(self.world)
        self.workers: list[Worker] = []
        self.queued = 0
        for offer, scenario in zip(OFFERS, scenarios, strict=True):
            self.world.portal.create_offer(offer, scenario)
        self.world.time.advance(1)

    @rule(offer=st.sampled_from(OFFERS), named=st.booleans(), key=st.sampled_from(KEYS))
    def ask_over_http(self, offer: str, named: bool, key: str) -> None:
        running = self.world.portal.offers[offer].running()
        operation = running.id if named and running else None
        self.host.ask(offer, self.world.time.seconds, operation, key)
        self._start("caller", self.host.next_call)

    @precondition(lambda self: self._asked_over_http())
    @rule(which=st.integers(0, 3))
    def ask_again_with_its_key(self, which: int) -> None:
        known = [asked for asked in self._asked_over_http() if asked.key]
        if known:
            self.host.ask_again(known[which % len(known)], self.world.time.seconds)
            self._start("caller", self.host.next_call)

    @precondition(lambda self: self._asked_over_http())
    @rule(which=st.integers(0, 3))
    def take_back(self, which: int) -> None:
        known = self._asked_over_http()
        self.host.take_back(known[which % len(known)], self.world.time.seconds)
        self._start("taker", self.host.next_call)

    @rule(offer=st.sampled_from(OFFERS), copies=st.integers(1, 2))
    def ask_by_queue(self, offer: str, copies: int) -> None:
        self.queued += 1
        request_id = str(UUID(int=0xABC0000 + self.queued))
        email = f"queue{self.queued}@contoso.com"
        message: dict[str, Any] = {
            "publisherId": "contoso",
            "offerId": offer,
            "requestId": request_id,
            "metadata": {"notification-emails": email},
        }
        for _ in range(copies):
            self.world.requests.put(json.dumps(message))
        self.world.asked.append(Asked(offer, self.world.time.seconds, email, None, request_id))

    @rule(offer=st.sampled_from(OFFERS))
    def publish_anew(self, offer: str) -> None:
        if self.world.portal.offers[offer].running() is None:
            self.world.portal.offers[offer].publish()

    @rule(
        offer=st.sampled_from(OFFERS),
        state=st.sampled_from([State.SUCCEEDED, State.FAILED, State.CANCELED]),
    )
    def publish_ends_by_itself(self, offer: str, state: State) -> None:
        self.world.portal.offers[offer].finish(state)

    @rule(is_down=st.booleans())
    def partner_center_fails_or_recovers(self, is_down: bool) -> None:
        self.world.portal.is_down = is_down

    @rule(is_down=st.booleans())
    def mail_server_fails_or_recovers(self, is_down: bool) -> None:
        self.world.mail.is_down = is_down

    @rule(wrong=st.booleans())
    def settings_are_broken_or_mended(self, wrong: bool) -> None:
        self.world.mistakes.in_mail = self.world.mistakes.in_partner_center = wrong

    @rule(offer=st.sampled_from(OFFERS), ahead=st.sampled_from([-600.0, 0.0, 600.0]))
    def clock_of_partner_center_jumps(self, offer: str, ahead: float) -> None:
        found = self.world.portal.offers[offer]
        found.scenario = replace(found.scenario, clock_offset_seconds=ahead)

    @rule(text=st.sampled_from(MALFORMED_REQUESTS))
    def somebody_asks_for_nonsense(self, text: str) -> None:
        self.world.put_malformed(self.world.requests, text)

    @rule(text=st.sampled_from(MALFORMED_PENDING))
    def nonsense_is_pending(self, text: str) -> None:
        self.world.put_malformed(self.world.pending, text)

    @precondition(lambda self: self.world.requests.stored or self.world.pending.stored)
    @rule(times=st.sampled_from([2, DEADLY]))
    def workers_have_died_of_what_is_there(self, times: int) -> None:
        self.world.requests.workers_die(times)
        self.world.pending.workers_die(times)

    @precondition(lambda self: self.world.poisoned)
    @rule(which=st.integers(0, 3), offer=st.none() | st.sampled_from(OFFERS))
    def a_person_puts_something_back(self, which: int, offer: str | None) -> None:
        running = self.world.portal.offers[offer].running() if offer else None
        operation = running.id if running else None
        self._start("operator", lambda: self.host.redrive(which, operation))

    @precondition(lambda self: self.world.requests.stored)
    @rule()
    def queue_trigger_starts(self) -> None:
        self._start("queue", self.host.deliver)

    @precondition(lambda self: self.world.rows or self.world.pending.stored or self.world.poisoned)
    @rule()
    def timer_trigger_starts(self) -> None:
        self._start("timer", self.host.tick)

    @precondition(lambda self: self.workers)
    @rule(which=st.integers(0, MOST_WORKERS - 1), effects=st.integers(1, 12))
    def worker_goes_on(self, which: int, effects: int) -> None:
        worker = self.workers[which % len(self.workers)]
        for _ in range(effects):
            if not worker.is_done:
                worker.go_on()
        self._drop_the_done()

    @precondition(lambda self: self.workers)
    @rule(
        which=st.integers(0, MOST_WORKERS - 1),
        fault=st.sampled_from([Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.ERROR, Fault.LOST]),
    )
    def worker_meets_a_fault(self, which: int, fault: Fault) -> None:
        self.workers[which % len(self.workers)].go_on(fault)
        self._drop_the_done()

    @rule()
    def leases_end(self) -> None:
        self.world.end_leases()

    @rule(seconds=st.sampled_from([1, 15, 60, 130, 480]))
    def time_passes(self, seconds: float) -> None:
        self.world.time.advance(seconds)
        self._kill_the_overdue()

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        while self.workers:
            self.workers[0].go_on()
            self._drop_the_done()
        self.world.portal.is_down = self.world.mail.is_down = False
        self.settings_are_broken_or_mended(False)
        self.host.run()
        found = problems(self.world)
        assert not found, "\n".join([*found, as_text(self.world.boundaries.effects)])

    def _asked_over_http(self) -> list[Asked]:
        return [asked for asked in self.world.asked if asked.tries]

    def _start(self, name: str, work: Any) -> None:
        """A new invocation; with too many the oldest runs to its end first."""
        if len(self.workers) == MOST_WORKERS:
            while not self.workers[0].is_done:
                self.workers[0].go_on()
            self._drop_the_done()
        worker = Worker(name, self.world.boundaries, work)
        worker.go_on()
        self.workers.append(worker)
        self._drop_the_done()

    def _drop_the_done(self) -> None:
        self.workers = [worker for worker in self.workers if not worker.is_done]

    def _kill_the_overdue(self) -> None:
        """The platform ends what runs longer than it may."""
        now = self.world.time.seconds
        for worker in self.workers:
            while now - worker.started_at > FUNCTION_SECONDS and not worker.is_done:
                worker.go_on(Fault.CRASH_BEFORE)
        self._drop_the_done()


Histories.TestCase.settings = settings(
    max_examples=100,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestHistories = Histories.TestCase
