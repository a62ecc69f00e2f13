"""What an outcome must be, by Partner Center's own truth and nothing that the app says.

Written from the meaning of the outcomes, not from the app's rules, so that the two can disagree.
"""

from collections.abc import Sequence
from datetime import datetime

from devstack.partner_center import Call, State, TrueOperation

_ENDED_AS = {
    State.CANCELED: "canceled",
    State.SUCCEEDED: "completed-first",
    State.FAILED: "failed-first",
}
_REFUSALS = frozenset({400, 403, 404, 409, 412, 422})


def expected_outcome(
    truth: Sequence[TrueOperation],
    calls: Sequence[Call],
    *,
    requested_at: datetime,
    submitted_at: datetime,
) -> str:
    """The only outcome that is true.

    Args:
        truth: What became of every publish of the offer, oldest first.
        calls: The calls that Partner Center got about the offer.
        requested_at: When the request was made.
        submitted_at: When it was handed to the app; later than made if it had to wait.
    """
    running = next((each for each in truth if _ran_at(each, submitted_at)), None)
    if running and running.started_at > requested_at:
        return "superseded"
    meant = running or _last_ended_after(truth, requested_at)
    if meant is None:
        return "nothing-to-cancel"
    if meant.state in _ENDED_AS:
        return _ENDED_AS[meant.state]
    if _was_refused(calls):
        return "rejected"
    return "cancel-failed" if meant.cancel_requested_at else "unconfirmed"


def wrongly_canceled(truth: Sequence[TrueOperation], *, requested_at: datetime) -> list[str]:
    """The publishes that started after the request was made, and were canceled all the same."""
    return [
        each.id
        for each in truth
        if each.started_at > requested_at and each.cancel_requested_at is not None
    ]


def _ran_at(operation: TrueOperation, instant: datetime) -> bool:
    has_started = operation.started_at <= instant
    return has_started and (operation.ended_at is None or operation.ended_at > instant)


def _last_ended_after(
    truth: Sequence[TrueOperation], requested_at: datetime
) -> TrueOperation | None:
    ended = [each for each in truth if each.ended_at and each.ended_at > requested_at]
    return ended[-1] if ended else None


def _was_refused(calls: Sequence[Call]) -> bool:
    answers = [call.status for call in calls if call.path.endswith("/cancel")]
    return bool(answers) and answers[-1] in _REFUSALS
