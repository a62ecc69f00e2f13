"""What is true of a request, by Partner Center's own truth and nothing that the app says.

Written from the meaning of the outcomes and not from the rules of the app, so that the two can
disagree.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from devstack.partner_center import Call, State, TrueOperation

_ENDED_AS = {
    State.CANCELED: "canceled",
    State.SUCCEEDED: "completed-first",
    State.FAILED: "failed-first",
}
# Between the making of an offer and the asking for its cancellation, on two clocks.
_TOLERANCE = timedelta(seconds=1)


def true_outcomes(
    truth: Sequence[TrueOperation], calls: Sequence[Call], asked_at: datetime
) -> frozenset[str]:
    """Every outcome that would be a true statement about the offer.

    Args:
        truth: What became of every publish of the offer.
        calls: The calls that Partner Center got about the offer.
        asked_at: When the cancellation was asked for.
    """
    meant = next((each for each in truth if _ran_at(each, asked_at)), None)
    cancels = [call.status for call in calls if call.method == "POST"]
    is_hit = any(each.cancel_requested_at for each in truth)
    statements = set()
    if meant is None:
        statements |= _without_meant(truth, asked_at, is_hit=is_hit, cancels=cancels)
    elif meant.state in _ENDED_AS:
        statements.add(_ENDED_AS[meant.state])
    else:
        if meant.cancel_requested_at:
            statements.add("cancel-failed")
        if cancels and cancels[-1] in range(400, 500):
            statements.add("rejected")
    if not is_hit and not any(status in range(200, 300) for status in cancels):
        statements.add("expired")
    if cancels:
        statements.add("unconfirmed")
    return frozenset(statements)


def hit_publishes(truth: Sequence[TrueOperation], asked_at: datetime) -> list[str]:
    """The publishes that started after the asking and that the cancel call hit all the same."""
    return [
        each.id
        for each in truth
        if each.started_at > asked_at + _TOLERANCE and each.cancel_requested_at
    ]


def _without_meant(
    truth: Sequence[TrueOperation], asked_at: datetime, *, is_hit: bool, cancels: Sequence[int]
) -> set[str]:
    """What can be said where nothing ran when the cancellation was asked for."""
    newer = [each for each in truth if each.started_at > asked_at + _TOLERANCE]
    if is_hit:
        return set()
    if any(not each.state.is_terminal for each in newer):
        return {"superseded"}
    return set() if newer or cancels else {"nothing-to-cancel"}


def _ran_at(operation: TrueOperation, instant: datetime) -> bool:
    has_started = operation.started_at <= instant + _TOLERANCE
    return has_started and (operation.ended_at is None or operation.ended_at > instant)
