"""Whether an outcome is true, by Partner Center's true history and nothing that the app says.

Written from the meaning of the outcomes and not from the rules of the app, so that the two can
disagree. ``OUTCOMES`` has one predicate per outcome; `docs/reliability.md` says them in words.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from devstack.partner_center import State, TrueOperation
from shared.models import OutcomeName
from shared.partner_center.operations import state_of
from shared.record import CancellationRecord
from shared.settings import PolicySettings

TOLERANCE = timedelta(seconds=5)
DATE_PRECISION = timedelta(seconds=1)
"""Of the header by which clocks are compared: what is about as old as the tolerance is both."""
MAY_BE_UNSEEN = timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One request that has ended, with what is true about it.

    Attributes:
        row: The request's row; its outcome is what is judged.
        truth: What became of every publish of the offer.
        hits: For each of its cancel calls that were carried out, the publish that it began to
            cancel, or found being canceled; None for none. One that has joined another request has
            none of its own.
        policy: How patient the app was told to be.
        is_poisoned: Whether a person finds the request on a poison queue.
        list_lag: How long after its start an operation shows in the list.
        words: State words that Partner Center uses for this offer instead of the true ones.
        may_be_unseen: For so long an end may be there to be read and yet be unknown.
        taken_back_at: When somebody first asked to withdraw the request; None for nobody.
    """

    row: CancellationRecord
    truth: Sequence[TrueOperation]
    hits: Sequence[str | None]
    policy: PolicySettings
    is_poisoned: bool = False
    list_lag: timedelta = timedelta()
    words: Mapping[str, str]
    may_be_unseen: timedelta = MAY_BE_UNSEEN
    taken_back_at: datetime | None = None

    @property
    def is_true(self) -> bool:
        """Whether the outcome is; a request without one has no true outcome."""
        outcome = self.row.outcome
        return outcome is not None and OUTCOMES[outcome.name](self)

    @property
    def at(self) -> datetime:
        """When the outcome was found, as the row has it."""
        if self.row.outcome is None:
            raise ValueError("the request has no outcome")
        return self.row.outcome.at

    @property
    def written_at(self) -> datetime:
        """When the outcome was written, after whatever was read for it."""
        return max(step.at for step in self.row.history if step.step == "outcome-found")

    @property
    def target(self) -> TrueOperation | None:
        """What the outcome speaks of; where nobody could name it, the one that ran."""
        by_id = {operation.id: operation for operation in self.truth}
        if self.row.target_operation_id:
            return by_id.get(self.row.target_operation_id)
        meant = [o for o in self.truth if self.is_meant(o)]
        return next((o for o in meant if self.ran_at(o, self.row.requested_at)), None)

    def is_meant(self, operation: TrueOperation) -> bool:
        """Whether the request is about it: the one named, else one that ran when it was made."""
        named = self.row.requested_operation_id
        if named:
            return operation.id == named
        return operation.started_at <= self.row.requested_at + TOLERANCE

    def is_surely_meant(self, operation: TrueOperation) -> bool:
        """Whether it is meant even if the clocks are compared as badly as they may be."""
        started = operation.started_at <= self.row.requested_at + TOLERANCE - DATE_PRECISION
        return self.is_meant(operation) and (started or bool(self.row.requested_operation_id))

    def ran_after_asking(self, operation: TrueOperation) -> bool:
        """Whether it went on for a while after the request was made."""
        ended = operation.ended_at
        return ended is None or ended > self.row.requested_at + TOLERANCE

    def ended_as(self, operation: TrueOperation | None, state: State) -> bool:
        """Whether it had truly ended so when the outcome was found."""
        if operation is None or operation.ended_at is None or operation.state is not state:
            return False
        return operation.ended_at <= self.written_at and self.is_meant(operation)

    def ran_at(self, operation: TrueOperation, moment: datetime) -> bool:
        """Whether it ran at a moment."""
        return operation.started_at <= moment and (
            operation.ended_at is None or operation.ended_at > moment
        )

    def ran_meanwhile(self, operation: TrueOperation) -> bool:
        """Whether it ran at some moment between the look and the writing of its outcome."""
        has_ended = operation.ended_at is not None and operation.ended_at <= self.at - TOLERANCE
        return operation.started_at <= self.written_at and not has_ended

    def ran_all_along(self, operation: TrueOperation) -> bool:
        """Whether it ran all the time between them."""
        return self.ran_at(operation, self.at) and self.ran_at(operation, self.written_at)


type Predicate = Callable[[Case], bool]


def _nothing_ran(case: Case) -> bool:
    of_request = [o for o in case.truth if case.is_surely_meant(o)]
    unseen_since = case.at - case.list_lag - TOLERANCE
    return (
        not any(case.ran_after_asking(o) for o in of_request)
        and not any(case.ran_all_along(o) and o.started_at < unseen_since for o in case.truth)
        and not any(case.hits)
    )


def _newer_was_left_alone(case: Case) -> bool:
    newer = [o for o in case.truth if not case.is_surely_meant(o)]
    return any(case.ran_meanwhile(o) for o in newer) and not case.hits


def _runs_after_a_failed_cancel(case: Case) -> bool:
    target = case.target
    if target is None or target.cancel_requested_at is None:
        return False
    return case.ran_meanwhile(target)


def _was_refused(case: Case) -> bool:
    return not case.hits


def _could_not_be_sent(case: Case) -> bool:
    is_late = case.at >= case.row.requested_at + case.policy.request_ttl
    return is_late and not case.hits


def _was_taken_back(case: Case) -> bool:
    was_asked_for = case.taken_back_at is not None and case.taken_back_at <= case.written_at
    return was_asked_for and not case.hits


def _could_not_be_known(case: Case) -> bool:
    since = _may_have_been_sent_at(case.row)
    is_overdue = since is not None and case.at - since >= case.policy.confirm_deadline
    return case.is_poisoned or (is_overdue and not _could_be_read(case))


def _may_have_been_sent_at(row: CancellationRecord) -> datetime | None:
    """Since when a cancel call may have arrived: its own, or another request's.

    A refusal is kept without a call of its own where another's may have been the reason for it.
    """
    if row.post_sent_at is not None or row.refusal is None:
        return row.post_sent_at
    handed_over = (step.at for step in row.history if step.step == "cancellation-pending")
    return min(handed_over, default=None)


def _could_be_read(case: Case) -> bool:
    """Whether the target's end has been there to be read, in a known word, for some time."""
    target = case.target
    if target is None or target.ended_at is None:
        return False
    if target.ended_at > case.at - case.may_be_unseen:
        return False
    return state_of(case.words.get(target.state, target.state)).is_terminal


OUTCOMES: dict[OutcomeName, Predicate] = {
    OutcomeName.CANCELED: lambda case: case.ended_as(case.target, State.CANCELED),
    OutcomeName.COMPLETED_FIRST: lambda case: case.ended_as(case.target, State.SUCCEEDED),
    OutcomeName.FAILED_FIRST: lambda case: case.ended_as(case.target, State.FAILED),
    OutcomeName.NOTHING_TO_CANCEL: _nothing_ran,
    OutcomeName.SUPERSEDED: _newer_was_left_alone,
    OutcomeName.CANCEL_FAILED: _runs_after_a_failed_cancel,
    OutcomeName.REJECTED: _was_refused,
    OutcomeName.EXPIRED: _could_not_be_sent,
    OutcomeName.WITHDRAWN: _was_taken_back,
    OutcomeName.UNCONFIRMED: _could_not_be_known,
}
