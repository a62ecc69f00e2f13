"""Whether callers were told the truth: one id and one outcome for each key, and what is withdrawn.

Written from what was promised to callers, and from nothing that the app says of itself.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator

from shared.models import OutcomeName
from tests.simulation.boundaries import ID_LENGTH
from tests.simulation.mail_server import Accepted
from tests.simulation.world import CONFLICT, Asked, TakingBack, Told, World

ACCEPTED, WITHDRAWN = 202, 200
WRITES = frozenset({"row.insert", "row.replace", "row.remove", "requests.put", "pending.put"})
NOT_YET = "not-yet-canceled"


def _one_id_for_a_key(world: World) -> Iterator[str]:
    """Each time that the same is sent with the same key, the answer is the same."""
    for asked in world.asked:
        told = {answer.request_id for answer in asked.answers if answer.status == ACCEPTED}
        if asked.key and len(told) > 1:
            yield f"{asked.email} was told {len(told)} ids for key {asked.key}"
        mailed = {mail.request_id for mail in _mails_to(world, asked)}
        if asked.key and mailed - {asked.accepted_id}:
            yield f"{asked.email} was mailed of {mailed}, and was told {asked.accepted_id}"


def _one_request_for_a_key(world: World) -> Iterator[str]:
    """Whoever sends something else with a key that is in use is told so, and nothing else."""
    sharing: dict[tuple[str, str], list[Asked]] = defaultdict(list)
    for asked in world.asked:
        if asked.key:
            sharing[asked.offer, asked.key].append(asked)
    for (_, key), those in sharing.items():
        accepted = [asked.email for asked in those if asked.accepted_id]
        if len(accepted) != 1:
            yield f"key {key} is that of {accepted or 'nobody'}"
        refused = [asked for asked in those if asked.is_refused]
        yield from (f"{a.email} was told both yes and no" for a in refused if a.accepted_id)
        yield from (f"{a.email} got {CONFLICT} and a mail" for a in refused if _mails_to(world, a))


def _whoever_asked_is_mailed(world: World) -> Iterator[str]:
    """A mail of the request's outcome is for those who have asked for it."""
    for asked in world.asked:
        told = [mail for mail in world.mail.accepted if mail.request_id == asked.accepted_id]
        outcomes = [mail for mail in told if mail.outcome != NOT_YET]
        if outcomes and not any(asked.email in mail.recipients for mail in outcomes):
            yield f"the outcome of {asked.accepted_id} was not mailed to {asked.email}"


def _accepted_is_known(world: World) -> Iterator[str]:
    """From its 202 on a request can be read."""
    removals = [e for e in world.boundaries.effects if e.name == "row.remove" and e.done]
    for asked in world.asked:
        for answer in asked.answers:
            gone = asked.accepted_id[:ID_LENGTH] in {
                effect.note[:ID_LENGTH] for effect in removals if effect.number > answer.effect
            }
            if answer.status == ACCEPTED and gone:
                yield f"the row of {asked.accepted_id} was removed after its 202"


def _withdrawn_is_withdrawn(world: World) -> Iterator[str]:
    """What somebody was told is withdrawn is never sent; what they were told is too late is."""
    for taking in world.taken_back:
        request_id = taking.asked.accepted_id
        if request_id and not taking.answers:
            yield f"whoever took {request_id} back was never answered"
        for told in taking.answers:
            if told.status == WITHDRAWN:
                yield from _sent_after(world, taking, told)
            elif told.status == CONFLICT:
                yield from _too_early(world, taking, told)
            else:
                yield f"whoever took {request_id} back was told {told.status}"


def _sent_after(world: World, taking: TakingBack, told: Told) -> Iterator[str]:
    request_id = taking.asked.accepted_id
    if any(number > told.effect and sent == request_id for number, sent in world.portal.sent):
        yield f"a cancel call was sent for {request_id} after it was withdrawn"
    for row in world.rows:
        ended = row.outcome.name if row.outcome else None
        if row.request_id == request_id and ended is not OutcomeName.WITHDRAWN:
            yield f"{request_id} was withdrawn, and ended as {ended}"


def _too_early(world: World, taking: TakingBack, told: Told) -> Iterator[str]:
    """A refusal changes nothing, and has a reason: a call that was about to be sent, or an end."""
    request_id = taking.asked.accepted_id
    for effect in world.boundaries.effects[: told.effect]:
        if effect.actor == told.actor and effect.done and effect.name in WRITES:
            yield f"withdrawing {request_id} was refused after {effect}"
    steps = {
        step.step for row in world.rows if row.request_id == request_id for step in row.history
    }
    if not steps & {"cancel-sent", "cancellation-pending", "outcome-found"}:
        yield f"withdrawing {request_id} was refused for nothing"


def _mails_to(world: World, asked: Asked) -> list[Accepted]:
    return [mail for mail in world.mail.accepted if asked.email in mail.recipients]


ANSWERS: tuple[Callable[[World], Iterator[str]], ...] = (
    _one_id_for_a_key,
    _one_request_for_a_key,
    _whoever_asked_is_mailed,
    _accepted_is_known,
    _withdrawn_is_withdrawn,
)
