"""Seconds from an operation's true end to the mail, and the polls that this takes.

A model, since it spans hours: the app's own ``decide`` and poll times, driven over many operations
by a virtual clock. Modelled are the tick of the schedule (each 15 s, anywhere in which the cancel
call may come), Storage's whole seconds, the latency of each call, and the time from the last call
to the mail, which is measured on the stack in the same run. Not modelled: a run that still works
when its next tick comes, outages, and a mail server's own time.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import ceil
from statistics import mean, median
from uuid import UUID

from benchmarks.figures import percentile
from benchmarks.rows import Row
from benchmarks.run import Run
from shared.models import Operation, OperationState, PendingCancellation
from shared.observation import Observation, Reading
from shared.partner_center.location import API_VERSION
from shared.poll_times import FIRST_POLL_SECONDS
from shared.polling import Decision, PollAgain, Read, decide
from shared.settings import PolicySettings

GROUP = "mail"
TICK_SECONDS = 15.0
CALL_SECONDS = 0.2
FIXED_SECONDS = (30.0, 60.0, 300.0)
_SEED = 20_171_031
_MOST_SECONDS = 20.0
_MOST_CALLS = 2.2
_START = datetime(2026, 1, 5, tzinfo=UTC)
_TARGET = str(UUID(int=1))
_DEADLINE = PolicySettings().confirm_deadline


@dataclass(frozen=True)
class Heard:
    """How one operation's end was found.

    Attributes:
        late_seconds: From its true end to the mail.
        calls: Calls to Partner Center while polling.
    """

    late_seconds: float
    calls: int


type NextPoll = Callable[[float, float], float]
"""When to poll, given when the last poll began and when its message is visible again."""


def measure(run: Run) -> Iterator[Row]:
    """The app's schedule against fixed intervals, over the same operations."""
    mail_seconds = median(counted.mail_seconds for counted in run.counted)
    run.say(f"the time until the mail, modelled over {run.sizes.operations} operations")
    fixed = {
        seconds: play(run.sizes.operations, mail_seconds, every(seconds))
        for seconds in FIXED_SECONDS
    }
    own = play(run.sizes.operations, mail_seconds, None)
    for share, name in ((0.5, "p50"), (0.95, "p95")):
        late = percentile([heard.late_seconds for heard in own], share)
        for seconds, heard in fixed.items():
            has_goal = name == "p95" and seconds == FIXED_SECONDS[0]
            yield Row(
                group=GROUP,
                name=f"true end to mail, {name}",
                value=late,
                unit="s",
                baseline=f"polling each {seconds:g} s",
                baseline_value=percentile([each.late_seconds for each in heard], share),
                goal=f"at most {_MOST_SECONDS:g} s" if has_goal else "",
                met=late <= _MOST_SECONDS if has_goal else None,
            )
    calls = mean(heard.calls for heard in own)
    for seconds, heard in fixed.items():
        baseline = mean(each.calls for each in heard)
        has_goal = seconds == FIXED_SECONDS[0]
        yield Row(
            group=GROUP,
            name="calls per cancellation while polling, mean",
            value=calls,
            unit="calls",
            baseline=f"polling each {seconds:g} s",
            baseline_value=baseline,
            goal=f"at most {_MOST_CALLS} x" if has_goal else "",
            met=calls <= _MOST_CALLS * baseline if has_goal else None,
        )


def play(operations: int, mail_seconds: float, fixed: NextPoll | None) -> list[Heard]:
    """Follow so many operations to their mails; the same ones, whatever the schedule.

    Args:
        operations: How many.
        mail_seconds: From the last call to the mail.
        fixed: When to poll; the app's own schedule and tick where None.
    """
    ends = random.Random(_SEED)  # noqa: S311 - to be had again, not to be unpredictable
    random.seed(_SEED)  # the app's jitter
    return [
        follow(end_of(ends), ends.uniform(0, TICK_SECONDS), mail_seconds, fixed)
        for _ in range(operations)
    ]


def every(seconds: float) -> NextPoll:
    """Polling at a fixed interval, by a client that has nothing else to do."""
    return lambda begun, _visible: begun + seconds


def end_of(ends: random.Random) -> float:
    """Seconds from the cancel call to the operation's end: four of five within three minutes."""
    return ends.uniform(60, 180) if ends.random() < 0.8 else ends.uniform(180, 1800)


def follow(end: float, phase: float, mail_seconds: float, fixed: NextPoll | None) -> Heard:
    """Poll one operation until its end is found.

    Args:
        end: When it ends; all times are in seconds since the cancel call.
        phase: When the first tick comes.
        mail_seconds: From the last call to the mail.
        fixed: As in ``play``.
    """
    pending, calls = _pending(), 0
    begun = fixed(0, 0) if fixed else _tick_after(FIRST_POLL_SECONDS, phase)
    while True:
        now, seen = begun, Observation()
        while isinstance(decision := _decided(pending, seen, now), Read):
            seen = _with(decision.reading, seen, has_ended=now >= end)
            now += CALL_SECONDS
            calls += 1
        if not isinstance(decision, PollAgain):
            return Heard(now + mail_seconds - end, calls)
        pending = decision.pending
        visible = now + round(decision.seconds)  # Storage knows whole seconds
        begun = fixed(begun, visible) if fixed else _tick_after(visible, phase)


def _tick_after(seconds: float, phase: float) -> float:
    return phase + max(0, ceil((seconds - phase) / TICK_SECONDS)) * TICK_SECONDS


def _decided(pending: PendingCancellation, seen: Observation, now: float) -> Decision:
    return decide(pending, seen, _START + timedelta(seconds=now), _DEADLINE)


def _pending() -> PendingCancellation:
    location = f"/api/publishers/p/offers/o/operations/{_TARGET}?api-version={API_VERSION}"
    return PendingCancellation(
        request_id=_TARGET,
        publisher_id="p",
        offer_id="o",
        requested_at=_START,
        post_sent_at=_START,
        followed_since=_START,
        target_operation_id=_TARGET,
        location=location,
    )


def _with(reading: Reading, seen: Observation, *, has_ended: bool) -> Observation:
    state = OperationState.CANCELED if has_ended else OperationState.ACTIVE
    operation = Operation(id=_TARGET, state=state, word=state.value)
    if reading is not Reading.LOCATION:
        raise AssertionError(f"the Location names the target: {reading} is not needed")
    return replace(seen, done=seen.done | {reading}, location=operation)
