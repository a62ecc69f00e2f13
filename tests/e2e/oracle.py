"""What is true of a request, by Partner Center's own truth and nothing that the app says.

Written from the meaning of the outcomes and not from the rules of the app, so that the two can
disagree.
"""

from collections.abc import Sequence

from devstack.partner_center import Call, State, TrueOperation

_ENDED_AS = {
    State.CANCELED: "canceled",
    State.SUCCEEDED: "completed-first",
    State.FAILED: "failed-first",
}


def true_outcomes(
    truth: Sequence[TrueOperation],
    calls: Sequence[Call],
    meant: str | None,
) -> frozenset[str]:
    """Every outcome that would be a true statement about the offer.

    Args:
        truth: What became of every publish of the offer.
        calls: The calls that Partner Center got about the offer.
        meant: The publish that ran when the cancellation was asked for.
    """
    cancels = [call.status for call in calls if call.method == "POST"]
    is_hit = any(each.cancel_requested_at for each in truth)
    publish = next((each for each in truth if each.id == meant), None)
    if publish is None:
        statements = set() if is_hit or cancels else {_of_what_was_left_alone(truth)}
    elif publish.state in _ENDED_AS:
        statements = {_ENDED_AS[publish.state]}
    else:
        statements = _of_what_still_runs(publish, cancels)
    if not is_hit and not any(status in range(200, 300) for status in cancels):
        statements.add("expired")
    if cancels:
        statements.add("unconfirmed")
    return frozenset(statements)


def hit_by_mistake(truth: Sequence[TrueOperation], meant: str | None) -> list[str]:
    """The publishes that the cancel call hit although another was meant."""
    return [each.id for each in truth if each.id != meant and each.cancel_requested_at]


def _of_what_was_left_alone(truth: Sequence[TrueOperation]) -> str:
    """Nothing ran when it was asked for: does something run that was published since?"""
    runs = any(not each.state.is_terminal for each in truth)
    return "superseded" if runs else "nothing-to-cancel"


def _of_what_still_runs(publish: TrueOperation, cancels: Sequence[int]) -> set[str]:
    statements = {"cancel-failed"} if publish.cancel_requested_at else set()
    if cancels and cancels[-1] in range(400, 500):
        statements.add("rejected")
    return statements
