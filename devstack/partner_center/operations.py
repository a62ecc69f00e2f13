"""The operations of an offer as they truly are, whatever the simulator answers about them.

An operation has no timers: it keeps the instants that matter and its state follows from them.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from math import inf
from uuid import uuid4


class State(StrEnum):
    """The true states; what callers get to read may be other words."""

    NOT_STARTED = "notStarted"
    RUNNING = "running"
    CANCEL_REQUESTED = "cancelRequested"
    CANCELED = "canceled"
    SUCCEEDED = "succeeded"
    FAILED = "failed"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing follows this state."""
        return self in {State.CANCELED, State.SUCCEEDED, State.FAILED}


def _new_id() -> str:
    return str(uuid4())


@dataclass
class Publish:
    """A publish: starts, runs, ends by itself, or is canceled before it does."""

    created: float
    begins: float
    ends: float
    result: State
    emails: str = ""
    cancellations: list["Cancellation"] = field(default_factory=list)
    id: str = field(default_factory=_new_id)
    kind: str = "publish"

    def state(self, now: float) -> State:
        """The true state at an instant."""
        if now >= self.ended_at:
            return State.CANCELED if self.is_canceled_by_call else self.result
        if self.pending_cancellation(now):
            return State.CANCEL_REQUESTED
        return State.NOT_STARTED if now < self.begins else State.RUNNING

    def changed_at(self, now: float) -> float:
        """When the state last changed, seen from an instant."""
        changes = [self.begins, self.ended_at, *(each.created for each in self.cancellations)]
        return max((change for change in changes if change <= now), default=self.created)

    @property
    def ended_at(self) -> float:
        """When it ends as things stand, which may be in the future."""
        return min(self.ends, self._canceled_at)

    @property
    def is_canceled_by_call(self) -> bool:
        """Whether it ends because of a call to cancel; an end by itself at that instant wins."""
        return self._canceled_at < self.ends

    def pending_cancellation(self, now: float) -> "Cancellation | None":
        """The cancellation that is under way, if one is."""
        return next((each for each in self.cancellations if now < each.ended_at), None)

    @property
    def _canceled_at(self) -> float:
        return min((each.ends for each in self.cancellations if each.works), default=inf)


@dataclass
class Cancellation:
    """The operation that cancels a publish; to callers it may be visible or not."""

    target: Publish
    created: float
    ends: float
    works: bool
    id: str = field(default_factory=_new_id)
    kind: str = "cancel"

    def state(self, now: float) -> State:
        """The true state at an instant: it succeeds only if the publish is canceled by it."""
        if now < self.ended_at:
            return State.RUNNING
        return State.SUCCEEDED if self.works and self.ends < self.target.ends else State.FAILED

    def changed_at(self, now: float) -> float:
        """When the state last changed, seen from an instant."""
        return self.ended_at if self.ended_at <= now else self.created

    @property
    def ended_at(self) -> float:
        """When it ends: with its target at the latest, there being nothing left to cancel."""
        return min(self.ends, self.target.ends)


type AnyOperation = Publish | Cancellation
