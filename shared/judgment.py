"""What the operations that were read say about a request: one pure decision table.

Whether to send the cancel call, to end the request with an outcome, or to look again, is decided
here and nowhere else. The first rule that applies decides; their order is the meaning.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from shared.case import CLOCK_TOLERANCE, Case
from shared.models import Operation, OperationState, Outcome, OutcomeName

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
    return subject.ended_at is not None and subject.ended_at >= case.requested_at


def _ended_about_then(case: Case) -> bool:
    """Whether the subject ended so close before the request that the clocks cannot tell."""
    subject = case.subject
    if subject is None or not subject.state.is_terminal or subject.ended_at is None:
        return False
    return subject.ended_at >= case.requested_at - CLOCK_TOLERANCE


def _started_after(case: Case) -> bool:
    """Whether the subject provably started after the request, which named none."""
    is_free_choice = not case.operation_id and case.post_sent_at is None
    return is_free_choice and case.subject is not None and not case.was_there(case.subject)


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


def _superseded(case: Case) -> Finish:
    """Says, too, what became of the publish that ran when the request was made: it may be out."""
    meant = next(filter(case.was_there, case.listing or ()), None)
    if meant is None or meant.ended_at is None or meant.ended_at < case.requested_at:
        return _finish(case, OutcomeName.SUPERSEDED)
    ending = f"The publish that ran when this was requested, {meant.id}, ended as {meant.word}."
    is_out = " It may be out." if meant.state is OperationState.SUCCEEDED else ""
    return _finish(case, OutcomeName.SUPERSEDED, ending + is_out)


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
        "nothing that could name the operation is to be had, and the status is not read yet",
        lambda c: bool(c.subject_id and c.subject is None and c.reads_nothing),
        lambda c: ReadStatus(),
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
        _superseded,
    ),
    Rule("runs", lambda c: c.subject_runs, lambda c: Submit(c.subject)),
    Rule(
        "ended by its path alone, and the offer's status is not read yet",
        lambda c: c.is_ended_by_path_alone and c.offer_status is None,
        lambda c: ReadStatus(),
    ),
    Rule(
        "ended by its path alone, and the offer's status says canceled",
        lambda c: c.is_ended_by_path_alone and c.status_is_canceled,
        lambda c: LookAgain("the operation's path and the offer's status disagree on its end"),
    ),
    Rule("ended, and is the one that was meant", _was_made_for, _by_state),
    Rule(
        "ended, in a word that nobody knows, and no cancel call was sent",
        lambda c: bool(c.subject_id and c.another_runs and c.post_sent_at is None),
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
    Rule("ended about when the request was made", _ended_about_then, _by_state),
    Rule(
        "nothing runs",
        lambda c: True,
        lambda c: _finish(c, OutcomeName.NOTHING_TO_CANCEL),
    ),
)
