"""An offer with its operations: what publishing and canceling do to it, and the truth of it."""

from dataclasses import dataclass
from datetime import datetime
from math import inf

from devstack.partner_center.clock import Clock
from devstack.partner_center.faults import FaultLine
from devstack.partner_center.operations import AnyOperation, Cancellation, Publish, State
from devstack.partner_center.scenarios import Scenario, ScenarioError


class OperationRunningError(Exception):
    """An operation runs already, and only one can: end or cancel it first."""


@dataclass(frozen=True)
class TrueOperation:
    """What truly became of one publish."""

    id: str
    state: State
    started_at: datetime
    ended_at: datetime | None
    cancel_requested_at: datetime | None
    canceled_by_call: bool


@dataclass(frozen=True)
class CancelCall:
    """A call to cancel that was carried out, whatever it was answered.

    Attributes:
        at: When.
        emails: The addresses in its body, which tell whose call it was.
        hit: The publish that it began to cancel, or found being canceled; None for none.
    """

    at: datetime
    emails: str
    hit: str | None


class Offer:
    """One offer in its scenario. Not safe for threads: the simulator holds a lock."""

    def __init__(self, publisher: str, name: str, scenario: Scenario, clock: Clock) -> None:
        """Makes the offer and the operations that its scenario starts with."""
        self.publisher = publisher
        self.name = name
        self.scenario = scenario
        self.clock = clock
        self.faults = FaultLine(scenario.faults)
        self._may_be_overtaken = scenario.publish_before_cancel
        self._publishes = _first_publishes(scenario, clock.now())
        self.cancel_calls: list[CancelCall] = []

    def publishes(self) -> list[Publish]:
        """The publishes so far, oldest first."""
        now = self.clock.now()
        return [each for each in self._publishes if each.created <= now]

    def operations(self) -> list[AnyOperation]:
        """Every publish and every cancellation so far, oldest first."""
        found: list[AnyOperation] = []
        for publish in self.publishes():
            found += [publish, *publish.cancellations]
        return sorted(found, key=lambda operation: operation.created)

    def find(self, operation_id: str) -> AnyOperation | None:
        """The operation of that id, whatever its kind."""
        return next((each for each in self.operations() if each.id == operation_id), None)

    def running(self) -> Publish | None:
        """The publish that has not ended, if there is one."""
        now = self.clock.now()
        return next((each for each in self.publishes() if not each.state(now).is_terminal), None)

    def publish(self, emails: str = "") -> Publish:
        """Starts a publish.

        Raises:
            OperationRunningError: One runs already.
        """
        if running := self.running():
            raise OperationRunningError(f"operation {running.id} is in progress")
        now = self.clock.now()
        started = Publish(now, now, inf, State.SUCCEEDED, emails)
        self._publishes.append(started)
        return started

    def finish(self, state: State) -> None:
        """Ends the running publish at once, by itself."""
        if running := self.running():
            running.ends, running.result = self.clock.now(), state

    def cancel(self, emails: str = "") -> Cancellation | None:
        """Carries out a call to cancel; none comes of it when nothing runs or it is ignored."""
        cancellation = self._cancel()
        hit = cancellation.target.id if cancellation else None
        self.cancel_calls.append(CancelCall(self.clock.date(self.clock.now()), emails, hit))
        return cancellation

    def _cancel(self) -> Cancellation | None:
        if self._may_be_overtaken:
            self._may_be_overtaken = False
            self.finish(State.SUCCEEDED)
            self.publish()
        target, now = self.running(), self.clock.now()
        if target is None or self.scenario.cancel_result == "ignored":
            return None
        return target.pending_cancellation(now) or self._start_cancellation(target, now)

    def truth(self) -> list[TrueOperation]:
        """What truly became of every publish so far, oldest first."""
        return [self._truth_of(each, self.clock.now()) for each in self.publishes()]

    def _start_cancellation(self, target: Publish, now: float) -> Cancellation:
        knobs = self.scenario
        if knobs.ends_after_cancel_seconds is not None:
            target.ends = min(target.ends, now + knobs.ends_after_cancel_seconds)
        works = knobs.cancel_result == "canceled"
        started = Cancellation(target, now, now + knobs.cancel_seconds, works)
        target.cancellations.append(started)
        return started

    def _truth_of(self, publish: Publish, now: float) -> TrueOperation:
        state = publish.state(now)
        requested = publish.cancellations[0].created if publish.cancellations else None
        return TrueOperation(
            id=publish.id,
            state=state,
            started_at=self.clock.date(publish.created),
            ended_at=self.clock.date(publish.ended_at) if state.is_terminal else None,
            cancel_requested_at=None if requested is None else self.clock.date(requested),
            canceled_by_call=state is State.CANCELED and publish.is_canceled_by_call,
        )


def _first_publishes(knobs: Scenario, now: float) -> list[Publish]:
    publishes = []
    if knobs.past:
        ended = now - knobs.past_ended_seconds_ago
        publishes.append(Publish(ended - 600, ended - 600, ended, State(knobs.past)))
    if knobs.runs:
        created = now - knobs.started_seconds_ago
        begins = created + knobs.queued_seconds
        ends = now + knobs.ends_after_seconds
        publishes.append(Publish(created, begins, ends, State(knobs.ends)))
    if knobs.next_publish_after_seconds is not None:
        created = now + knobs.next_publish_after_seconds
        if publishes and publishes[-1].ends > created:
            raise ScenarioError("next_publish_after_seconds lies before the running one's end")
        publishes.append(Publish(created, created, inf, State.SUCCEEDED))
    return publishes
