"""What the operations that were read say about a request: one pure decision table.

Whether to send the cancel call, to end the request with an outcome, or to look again, is decided
here and nowhere else. The first rule that applies decides; their order is the meaning.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from shared.models import Operation, OperationState, Outcome, OutcomeName
from shared.partner_center.protocol import OfferStatus

CLOCK_TOLERANCE = timedelta(seconds=5)
LISTING_LAG = timedelta(minutes=2)

ENDINGS = {
    OperationState.CANCELED: OutcomeName.CANCELED,
    OperationState.SUCCEEDED: OutcomeName.COMPLETED_FIRST,
    OperationState.FAILED: OutcomeName.FAILED_FIRST,
}


@dataclass(frozen=True)
class Submit:
    """Send the cancel call; ``target`` is what it is meant for, None where nobody can name it."""

    target: Operation | None


@dataclass(frozen=True)
class Finish:
    """The request ends here; ``operation`` is the one that the outcome speaks of."""

    outcome: Outcome
    operation: Operation | None = None


@dataclass(frozen=True)
class Follow:
    """A cancel call may have been sent and nothing can be sent now: polling finds out."""


@dataclass(frozen=True)
class ReadStatus:
    """The list shows nothing running; the offer's status must agree before it is believed."""


@dataclass(frozen=True)
class LookAgain:
    """Nothing can be decided yet. ``after`` None leaves the delay to the retry schedule."""

    why: str
    after: timedelta | None = None


type Verdict = Submit | Finish | Follow | ReadStatus | LookAgain


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is known of a request, and what was just read. Every time is on our clock.

    Attributes:
        operation_id: The operation that the request names, if it names one.
        target_id: The operation that an earlier look settled on.
        post_sent_at: When a cancel call that may have arrived was sent.
        idle_since: When an earlier look first found nothing running.
        listing: The offer's operations, newest first; None where the API has no list.
        named: The operation with ``target_id`` or ``operation_id``, as read by its own path.
        offer_status: Read only when it is needed.
    """

    requested_at: datetime
    now: datetime
    second_look: timedelta
    listing: tuple[Operation, ...] | None
    operation_id: str | None = None
    target_id: str | None = None
    post_sent_at: datetime | None = None
    idle_since: datetime | None = None
    named: Operation | None = None
    offer_status: OfferStatus | None = None

    @property
    def subject_id(self) -> str | None:
        """The id of the operation that the request is judged by, once one is settled."""
        return self.target_id or self.operation_id

    @property
    def subject(self) -> Operation | None:
        """The operation that the request is judged by."""
        if self.subject_id:
            return self.named
        return self.running or (self.listing[0] if self.listing else None)

    @property
    def running(self) -> Operation | None:
        """The one operation that the list shows running."""
        return running_operation(self.listing or ())

    @property
    def subject_runs(self) -> bool:
        """Whether the subject goes on. Of two, an older one with an unknown word has ended."""
        if self.subject is None or self.subject.state.is_terminal:
            return False
        is_settled = self.subject.state is OperationState.ACTIVE or not self.listing
        newest_id = self.listing[0].id if self.listing else None
        return is_settled or self.subject.id == newest_id

    @property
    def another_runs(self) -> bool:
        """Whether the list shows another operation running than the subject."""
        running, subject = self.running, self.subject
        return running is not None and subject is not None and running.id != subject.id

    @property
    def is_older_than_lag(self) -> bool:
        """Whether a publish started before the request must be in the list by now."""
        return self.now - self.requested_at >= LISTING_LAG

    @property
    def status_runs(self) -> bool:
        """Whether the offer's own status says that something runs."""
        return self.offer_status is not None and self.offer_status.is_active


def running_operation(listing: tuple[Operation, ...]) -> Operation | None:
    """The running one of an offer's operations, newest first; at most one runs at a time."""
    active = [operation for operation in listing if operation.state is OperationState.ACTIVE]
    if active:
        return active[0]
    newest = listing[0] if listing else None
    return newest if newest and newest.state is OperationState.UNKNOWN else None


def outcome_of(operation: Operation, at: datetime) -> Outcome:
    """The outcome that an ended operation stands for."""
    return Outcome(
        name=ENDINGS[operation.state],
        at=at,
        operation_state=operation.word,
        ended_at=operation.ended_at,
    )


def judge(case: Case) -> Verdict:
    """The verdict of the first rule that applies."""
    return next(rule.verdict(case) for rule in RULES if rule.applies(case))


class Rule(NamedTuple):
    """One row of the table."""

    name: str
    applies: Callable[[Case], bool]
    verdict: Callable[[Case], Verdict]


def _was_made_for(case: Case) -> bool:
    """Whether a subject that has ended is the one that this request was about."""
    subject = case.subject
    if subject is None or not subject.state.is_terminal:
        return False
    if case.subject_id:  # named by the request, or seen running after it was made
        return True
    since = case.requested_at - CLOCK_TOLERANCE
    return subject.ended_at is not None and subject.ended_at >= since


def _started_after(case: Case) -> bool:
    """Whether the subject provably started after the request, which named none."""
    started = case.subject.started_at if case.subject else None
    is_free_choice = not case.operation_id and case.post_sent_at is None
    return is_free_choice and started is not None and started > case.requested_at + CLOCK_TOLERANCE


def _finish(case: Case, name: OutcomeName, message: str = "", code: str = "") -> Finish:
    operation = case.subject
    seen = operation or case.offer_status
    return Finish(
        Outcome(
            name=name,
            at=case.now,
            operation_state=seen.word if seen else "",
            code=code,
            message=message,
            ended_at=operation.ended_at if operation else None,
        ),
        operation,
    )


def _by_state(case: Case) -> Finish:
    assert case.subject is not None  # noqa: S101 - the rule applies only to one that has ended
    return Finish(outcome_of(case.subject, case.now), case.subject)


def _no_such_operation(case: Case) -> Finish:
    return _finish(
        case,
        OutcomeName.REJECTED,
        f"Partner Center knows no operation {case.operation_id} of this offer",
        "OperationNotFound",
    )


def _second_look(case: Case) -> LookAgain:
    return LookAgain("nothing runs yet; the list may lag behind", case.second_look)


def _needs_second_look(case: Case) -> bool:
    if case.is_older_than_lag:
        return False
    # A second of slack: the queue hands a delayed message out in whole seconds.
    waited = case.idle_since is not None and (
        case.now - case.idle_since >= case.second_look - timedelta(seconds=1)
    )
    return not waited


RULES: tuple[Rule, ...] = (
    Rule(
        "the target vanished after a cancel call",
        lambda c: bool(c.subject_id and c.subject is None and c.post_sent_at),
        lambda c: Follow(),
    ),
    Rule(
        "the named operation is unknown, too early to say",
        lambda c: bool(c.subject_id and c.subject is None and not c.is_older_than_lag),
        lambda c: LookAgain(f"operation {c.subject_id} is not known yet"),
    ),
    Rule(
        "the named operation is unknown",
        lambda c: bool(c.operation_id and c.subject is None),
        _no_such_operation,
    ),
    Rule(
        "the target vanished before a cancel call",
        lambda c: bool(c.target_id and c.subject is None),
        lambda c: LookAgain(f"operation {c.target_id} is no longer shown"),
    ),
    Rule(
        "another operation runs, which the cancel call would hit",
        lambda c: c.subject_runs and c.another_runs,
        lambda c: LookAgain("another operation of the offer runs than the one to cancel"),
    ),
    Rule(
        "runs, but started after the request",
        lambda c: c.subject_runs and _started_after(c),
        lambda c: _finish(c, OutcomeName.SUPERSEDED),
    ),
    Rule("runs", lambda c: c.subject_runs, lambda c: Submit(c.subject)),
    Rule("ended, and is the one that was meant", _was_made_for, _by_state),
    Rule(
        "ended, in a word that nobody knows",
        lambda c: bool(c.subject_id and c.another_runs),
        lambda c: _finish(c, OutcomeName.NOTHING_TO_CANCEL),
    ),
    Rule(
        "nothing is shown running, and the offer's status is not read yet",
        lambda c: c.offer_status is None,
        lambda c: ReadStatus(),
    ),
    Rule(
        "there is no list, something runs",
        lambda c: c.listing is None and c.status_runs and not c.subject_id,
        lambda c: Submit(None),
    ),
    Rule(
        "a cancel call was sent for an operation that nobody could name",
        lambda c: c.post_sent_at is not None,
        lambda c: Follow(),
    ),
    Rule(
        "list and status disagree",
        lambda c: c.status_runs,
        lambda c: LookAgain(
            "the list of operations shows nothing running, but the offer's status says "
            + (c.offer_status.word if c.offer_status else "")
        ),
    ),
    Rule("nothing runs, seen once on a young request", _needs_second_look, _second_look),
    Rule(
        "nothing runs",
        lambda c: True,
        lambda c: _finish(c, OutcomeName.NOTHING_TO_CANCEL),
    ),
)
