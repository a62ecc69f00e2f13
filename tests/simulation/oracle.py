"""Judges a run by Partner Center's true history: what the app says of itself counts for nothing.

Written from the meaning of the outcomes and not from the rules of the app, so that the two can
disagree. ``OUTCOMES`` has one predicate per outcome, ``INVARIANTS`` what holds whatever the
outcome; `docs/reliability.md` says both in words.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from devstack.partner_center import State, TrueOperation
from shared.models import OutcomeName
from shared.partner_center.operations import state_of
from shared.record import CancellationRecord, Mail
from tests.simulation.boundaries import Fault
from tests.simulation.mail_server import Accepted
from tests.simulation.portal import CancelPost
from tests.simulation.world import World

TOLERANCE = timedelta(seconds=5)
DATE_PRECISION = timedelta(seconds=1)
"""Of the header by which clocks are compared: what is about as old as the tolerance is both."""
NOT_YET = "not-yet-canceled"
UNKNOWN_WHETHER = "It is not known whether another publish"
MAY_BE_UNSEEN = timedelta(minutes=10)


@dataclass(frozen=True)
class Case:
    """One request after a run, with everything that is true about it."""

    world: World
    row: CancellationRecord

    @property
    def truth(self) -> list[TrueOperation]:
        """Every publish of the offer."""
        return self.world.portal.offers[self.row.offer_id].truth()

    @property
    def at(self) -> datetime:
        """When the outcome was found, as the row has it."""
        assert self.row.outcome is not None
        return self.row.outcome.at

    @property
    def written_at(self) -> datetime:
        """When the outcome was written, after whatever was read for it."""
        return max(step.at for step in self.row.history if step.step == "outcome-found")

    @property
    def posts(self) -> list[CancelPost]:
        """The request's cancel calls that Partner Center carried out."""
        return [p for p in self.world.portal.posts if p.request_id == self.row.request_id]

    @property
    def mails(self) -> list[Accepted]:
        """The mails about its outcome that the server took."""
        return [mail for mail in self._all_mails() if mail.outcome != NOT_YET]

    @property
    def notices(self) -> list[Accepted]:
        """The mails that said NOT YET CANCELED."""
        return [mail for mail in self._all_mails() if mail.outcome == NOT_YET]

    @property
    def is_poisoned(self) -> bool:
        """Whether a person finds it on a poison queue."""
        return any(self.row.request_id in str(record) for record in self.world.poisoned)

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

    def _all_mails(self) -> list[Accepted]:
        return [m for m in self.world.mail.accepted if m.request_id == self.row.request_id]


type Predicate = Callable[[Case], bool]


def _nothing_ran(case: Case) -> bool:
    lag = timedelta(seconds=case.world.portal.offers[case.row.offer_id].scenario.list_lag_seconds)
    of_request = [o for o in case.truth if case.is_surely_meant(o)]
    unseen_since = case.at - lag - TOLERANCE
    return (
        not any(case.ran_after_asking(o) for o in of_request)
        and not any(case.ran_all_along(o) and o.started_at < unseen_since for o in case.truth)
        and not any(post.hit for post in case.posts)
    )


def _newer_was_left_alone(case: Case) -> bool:
    newer = [o for o in case.truth if not case.is_surely_meant(o)]
    return any(case.ran_meanwhile(o) for o in newer) and not case.posts


def _runs_after_a_failed_cancel(case: Case) -> bool:
    target = case.target
    if target is None or not case.posts:
        return False
    return case.ran_meanwhile(target) and target.cancel_requested_at is not None


def _was_refused(case: Case) -> bool:
    return not case.posts


def _could_not_be_sent(case: Case) -> bool:
    is_late = case.at >= case.row.requested_at + case.world.policy.request_ttl
    return is_late and not case.posts


def _could_not_be_known(case: Case) -> bool:
    sent = case.row.post_sent_at
    is_overdue = sent is not None and case.at - sent >= case.world.policy.confirm_deadline
    return case.is_poisoned or (is_overdue and not _could_be_read(case))


def _could_be_read(case: Case) -> bool:
    """Whether the target's end has been there to be read, in a known word, for some time."""
    target = case.target
    if target is None or target.ended_at is None or target.ended_at > case.at - MAY_BE_UNSEEN:
        return False
    words = case.world.portal.offers[case.row.offer_id].scenario.words
    return state_of(words.get(target.state, target.state)).is_terminal


OUTCOMES: dict[OutcomeName, Predicate] = {
    OutcomeName.CANCELED: lambda case: case.ended_as(case.target, State.CANCELED),
    OutcomeName.COMPLETED_FIRST: lambda case: case.ended_as(case.target, State.SUCCEEDED),
    OutcomeName.FAILED_FIRST: lambda case: case.ended_as(case.target, State.FAILED),
    OutcomeName.NOTHING_TO_CANCEL: _nothing_ran,
    OutcomeName.SUPERSEDED: _newer_was_left_alone,
    OutcomeName.CANCEL_FAILED: _runs_after_a_failed_cancel,
    OutcomeName.REJECTED: _was_refused,
    OutcomeName.EXPIRED: _could_not_be_sent,
    OutcomeName.UNCONFIRMED: _could_not_be_known,
}


def _outcome_is_true(case: Case) -> Iterator[str]:
    if case.row.outcome is None:
        yield "it has no outcome"
    elif not OUTCOMES[case.row.outcome.name](case):
        yield f"{case.row.outcome.name} is not true: {case.truth} {case.posts}"


def _everybody_is_told(case: Case) -> Iterator[str]:
    if not case.mails and not case.is_poisoned:
        yield "nobody was told its outcome"
    if case.row.mail is not Mail.SENT and not case.is_poisoned:
        yield f"its mail ended as {case.row.mail}"


def _mails_agree(case: Case) -> Iterator[str]:
    recorded = case.row.outcome.name.value if case.row.outcome else ""
    if {mail.outcome for mail in case.mails} - {recorded}:
        yield f"its mails say {[mail.outcome for mail in case.mails]}, its row {recorded}"
    for one, other in itertools.pairwise(case.mails):
        if one.message_id != other.message_id or one.text != other.text:
            yield f"two mails disagree:\n{one.text}\n---\n{other.text}"


def _notices_come_before(case: Case) -> Iterator[str]:
    """NOT YET never follows an outcome, unless its sender stood still in between."""
    for notice in case.notices:
        mine = [e for e in case.world.boundaries.effects if e.actor == notice.actor]
        stood_still = any(e.fault in (Fault.PAUSE, Fault.TWIN) for e in mine)
        if not stood_still and any(mail.at < notice.at for mail in case.mails):
            yield "NOT YET CANCELED was mailed after the outcome"


def _mails_are_not_repeated(case: Case) -> Iterator[str]:
    """At most one mail whose sender lived to record it, and heard that it was taken."""
    for mails in (case.mails, case.notices):
        undisturbed = [mail for mail in mails if not _was_disturbed(case.world, mail)]
        if len(undisturbed) > 1:
            yield f"{len(undisturbed)} mails {mails[0].outcome} without a crash or lost answer"


def _was_disturbed(world: World, mail: Accepted) -> bool:
    """Whether the sender crashed, or an answer was lost, between the server's yes and our record.

    A worker that stood still does not count: its claim must hold for longer than that.
    """
    later = [e for e in world.boundaries.effects[mail.effect :] if e.actor == mail.actor]
    for effect in later:
        if effect.fault in (Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.LOST, Fault.ERROR):
            return True
        if effect.name == "row.replace" and effect.done:
            return False
    return False


def _nothing_else_is_hit(case: Case) -> Iterator[str]:
    by_id = {operation.id: operation for operation in case.truth}
    for post in case.posts:
        operation = by_id.get(post.hit or "")
        if operation is None or (operation == case.target and case.is_meant(operation)):
            continue
        was_seen = any(
            operation.id in shown.operations
            for shown in case.world.portal.shown
            if shown.actor == post.actor and shown.at <= post.at
        )
        if was_seen and not case.is_meant(operation):
            yield f"{operation.id} was not meant, was seen before the call, and was hit"
        elif operation.state is State.CANCELED and not _is_disclosed(case, operation):
            yield f"{operation.id} was hit beside what was meant, and a mail does not say so"


def _is_disclosed(case: Case, operation: TrueOperation) -> bool:
    return all(operation.id in m.text or UNKNOWN_WHETHER in m.text for m in case.mails)


INVARIANTS: tuple[Callable[[Case], Iterator[str]], ...] = (
    _outcome_is_true,
    _everybody_is_told,
    _mails_agree,
    _notices_come_before,
    _mails_are_not_repeated,
    _nothing_else_is_hit,
)


def problems(world: World) -> list[str]:
    """Everything that is wrong with a run that has come to rest."""
    return [
        *_lost(world),
        *(f"a call to {path}" for path in world.portal.strays),
        *(
            f"request {row.request_id}: {problem}"
            for row in world.rows
            for invariant in INVARIANTS
            for problem in invariant(Case(world, row))
        ),
    ]


def _lost(world: World) -> Iterator[str]:
    """What was accepted and left no trace, and what nobody ever picks up."""
    known = {row.request_id for row in world.rows}
    for asked in world.asked:
        if not asked.accepted_id:
            yield f"{asked.email} was never answered"
        elif asked.accepted_id not in known:
            yield f"request {asked.accepted_id} was accepted and is lost"
    for queue in (world.requests, world.pending):
        if queue.stored:
            yield f"{len(queue.stored)} messages are left on {queue.name}"
