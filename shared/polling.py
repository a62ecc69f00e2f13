"""What a pending cancellation's readings say: finished, read something more, or poll again.

Pure: the poller reads what ``decide`` asks for and calls it again, until it finishes the request
or names the seconds to the next poll. Answers are judged by their state, never by an HTTP 200.
"""

from dataclasses import dataclass
from dataclasses import replace as replace_fields
from datetime import datetime, timedelta

from msgspec.structs import replace

from shared.case import CLOCK_TOLERANCE, weigh
from shared.judgment import ENDINGS
from shared.models import (
    MAX_NAMED,
    Operation,
    OperationState,
    Outcome,
    OutcomeName,
    PendingCancellation,
)
from shared.observation import Observation, Reading
from shared.partner_center.location import operation_id_of
from shared.poll_times import (
    is_overdue,
    is_past_last_deadline,
    next_poll_seconds,
    retry_poll_seconds,
)

CANCEL_FAILED_AFTER = timedelta(seconds=30)
LOCATION_PATIENCE = 3  # failures in a row, after which the target is looked at without it
NEWER_PATIENCE = 2  # failures in a row, after which an outcome no longer waits for the list
DEADLINE_PATIENCE = 8  # likewise at the deadline: three quarters of an hour, as delays grow
MAX_GAP = timedelta(minutes=15)  # a longer one is not time in which anybody read anything


@dataclass(frozen=True)
class Read:
    """Make this reading and decide again.

    Attributes:
        patience: Failures in a row after which the outcome no longer waits for it; None where it
            waits however many there are.
    """

    reading: Reading
    patience: int | None = None


@dataclass(frozen=True)
class Finished:
    """The request ends with this outcome."""

    outcome: Outcome
    pending: PendingCancellation


@dataclass(frozen=True)
class PollAgain:
    """Nothing is decided: poll again in so many seconds, with this state."""

    pending: PendingCancellation
    seconds: float


type Decision = Read | Finished | PollAgain


@dataclass(frozen=True)
class _Told:
    """The state that decides, the word for it, and when it was reached."""

    state: OperationState
    word: str
    ended_at: datetime | None = None


def decide(
    pending: PendingCancellation,
    seen: Observation,
    now: datetime,
    confirm_deadline: timedelta,
) -> Decision:
    """The next step of a poll in which Partner Center could be read so far.

    Args:
        pending: The state as of the last poll.
        seen: What this poll has read.
        now: The time now, on our clock.
        confirm_deadline: How much readable time a cancellation may take.
    """
    overdue = is_overdue(pending, now, confirm_deadline)
    missing = _missing_reading(pending, seen, overdue)
    if missing is not None:
        return Read(missing, _patience(pending, seen, missing))
    told = _told(pending, seen)
    polled = _with_progress(pending, seen, told, now)
    outcome = _outcome(pending, polled, told, now) or (
        unconfirmed(polled, now) if overdue else None
    )
    if outcome is None:
        asked = max((o.retry_after or 0.0 for o in (seen.location, seen.target) if o), default=0.0)
        return PollAgain(polled, max(next_poll_seconds(polled, now, len(seen.done)), asked))
    if polled.newer_operations != () and Reading.LISTING not in seen.done:
        return Read(Reading.LISTING, NEWER_PATIENCE)
    return Finished(outcome, _with_also_canceled(polled, seen))


def without_reading(
    pending: PendingCancellation, seen: Observation, wanted: Read
) -> tuple[PendingCancellation, Observation] | None:
    """The poll without a reading that fails; None while it is worth a wait.

    Whoever asked for the cancellation should not have to wait for hours because something is down
    that would only tell what else was hit, or could only contradict a path at the deadline.
    """
    if wanted.patience is None or pending.failures < wanted.patience:
        return None
    without = replace_fields(seen, done=seen.done | {wanted.reading})
    if wanted.reading is Reading.LISTING:
        return replace(pending, newer_operations=None), without
    return pending, without


def after_failure(
    pending: PendingCancellation, error: str, retry_after: float | None, now: datetime
) -> Finished | PollAgain:
    """The next step when Partner Center could not be read: later each time, for 24 hours."""
    failed = replace(pending, failures=pending.failures + 1, last_error=error, last_poll_at=None)
    if is_past_last_deadline(pending, now):
        return Finished(unconfirmed(failed, now), failed)
    return PollAgain(failed, retry_poll_seconds(pending, retry_after, now))


def unconfirmed(pending: PendingCancellation, now: datetime) -> Outcome:
    """The outcome of a cancellation whose end cannot be known."""
    return Outcome(
        name=OutcomeName.UNCONFIRMED,
        at=now,
        operation_state=pending.last_state,
        code=pending.refusal.code if pending.refusal else "",
        message=(pending.refusal.message if pending.refusal else "") or pending.last_error,
    )


def _missing_reading(
    pending: PendingCancellation, seen: Observation, overdue: bool
) -> Reading | None:
    """What has to be read before anything can be decided."""
    follows_location = pending.location is not None and pending.failures < LOCATION_PATIENCE
    if follows_location and Reading.LOCATION not in seen.done:
        return Reading.LOCATION
    if not overdue and not _location_is_through(pending, seen):
        return None
    own = _own(pending, seen)
    has_target = bool(pending.target_operation_id)
    needs_more = _needs_confirmation(own, overdue)
    has_no_list = Reading.LISTING in seen.done and seen.listing is None
    wanted = {
        Reading.TARGET: has_target and own is None,
        Reading.LISTING: has_target and needs_more,
        Reading.STATUS: not has_target or (needs_more and has_no_list),
    }
    return next((r for r, needed in wanted.items() if needed and r not in seen.done), None)


def _patience(pending: PendingCancellation, seen: Observation, missing: Reading) -> int | None:
    """At the deadline a path that shows the target running is reason enough to end without more."""
    own = _own(pending, seen)
    runs = own is not None and own.state is OperationState.ACTIVE
    confirms = missing in (Reading.LISTING, Reading.STATUS)
    return DEADLINE_PATIENCE if runs and confirms else None


def _location_is_through(pending: PendingCancellation, seen: Observation) -> bool:
    """Whether the Location has said all it can, so that the target is looked at.

    One that names another operation, once that has ended, only means: look at the target.
    """
    at_location = seen.location
    return at_location is None or _is_target(pending) or at_location.state.is_terminal


def _is_target(pending: PendingCancellation) -> bool:
    """Whether the Location names the target itself."""
    named = operation_id_of(pending.location) if pending.location else None
    return named is not None and named == pending.target_operation_id


def _own(pending: PendingCancellation, seen: Observation) -> Operation | None:
    """The target as a path of its own shows it."""
    shown = (seen.target, seen.location if _is_target(pending) else None)
    return next((o for o in shown if o and o.id == pending.target_operation_id), None)


def _needs_confirmation(own: Operation | None, overdue: bool) -> bool:
    """The list, or the status without one, knows what a path does not, and confirms an end."""
    if own is not None and own.state is OperationState.ACTIVE:
        return overdue
    return own is None or own.state is not OperationState.CANCELED


def _told(pending: PendingCancellation, seen: Observation) -> _Told | None:
    """The state that decides, if anything that was read tells one."""
    status = seen.status
    if status is not None and not pending.target_operation_id:
        return _Told(status.state, status.word)
    listed = next((o for o in seen.listing or () if o.id == pending.target_operation_id), None)
    shown = weigh(_own(pending, seen), listed)
    if shown is None:
        word = seen.location.word if seen.location else status.word if status else ""
        return _Told(OperationState.UNKNOWN, word) if word else None
    says_canceled = status is not None and status.state is OperationState.CANCELED
    if says_canceled and shown.state is not OperationState.CANCELED:
        return _Told(OperationState.UNKNOWN, shown.word)  # which of the two is true, nobody knows
    return _Told(shown.state, shown.word, shown.ended_at)


def _with_progress(
    pending: PendingCancellation, seen: Observation, told: _Told | None, now: datetime
) -> PendingCancellation:
    """The state after a poll that could read Partner Center."""
    gap = min(now - pending.last_poll_at, MAX_GAP) if pending.last_poll_at else timedelta()
    still_runs = told is not None and told.state is OperationState.ACTIVE
    failed = still_runs and _cancel_operation_failed(pending, seen)
    return replace(
        pending,
        polls=pending.polls + 1,
        failures=0,
        last_error="",
        readable_seconds=pending.readable_seconds + max(gap.total_seconds(), 0.0),
        last_poll_at=now,
        last_state=told.word if told else pending.last_state,
        last_state_at=now if told else pending.last_state_at,
        cancel_failed_at=(pending.cancel_failed_at or now) if failed else None,
    )


def _cancel_operation_failed(pending: PendingCancellation, seen: Observation) -> bool:
    """Whether the Location names a cancel operation of its own, and that has failed."""
    at_location = seen.location
    if at_location is None or _is_target(pending):
        return False
    return at_location.state is OperationState.FAILED


def _outcome(
    pending: PendingCancellation, polled: PendingCancellation, told: _Told | None, now: datetime
) -> Outcome | None:
    """The outcome that the deciding state stands for, if it is one."""
    if told is None:
        return None
    since = pending.cancel_failed_at if polled.cancel_failed_at else None
    if since is not None and now - since >= CANCEL_FAILED_AFTER:
        name = OutcomeName.CANCEL_FAILED
    elif told.state in ENDINGS:
        name = ENDINGS[told.state]
    else:
        return None
    return Outcome(name=name, at=now, operation_state=told.word, ended_at=told.ended_at)


def _with_also_canceled(pending: PendingCancellation, seen: Observation) -> PendingCancellation:
    """Name the operations that appeared around the cancel call and were canceled like the target.

    Where the read after the call failed, that is every later one that was canceled.
    """
    if seen.listing is None:
        return pending
    since = (pending.post_sent_at or pending.requested_at) - CLOCK_TOLERANCE
    known = pending.newer_operations
    hit = [
        operation.id
        for operation in seen.listing
        if operation.id != pending.target_operation_id
        and (operation.state is OperationState.CANCELED or operation.is_being_canceled)
        and (
            operation.id in known
            if known is not None
            else operation.started_at is not None and operation.started_at >= since
        )
    ]
    named = tuple(dict.fromkeys((*pending.also_canceled, *hit)))[:MAX_NAMED]
    return replace(pending, also_canceled=named, newer_operations=known or ())
