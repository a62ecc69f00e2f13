"""Judges a run by Partner Center's true history: what the app says of itself counts for nothing.

Written from the meaning of the outcomes and not from the rules of the app, so that the two can
disagree. ``devstack.true_outcomes`` has one predicate per outcome, ``INVARIANTS`` here is what
holds whatever the outcome; `docs/reliability.md` says both in words.
"""

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from devstack import true_outcomes
from devstack.partner_center import State, TrueOperation
from shared.record import CancellationRecord, Mail
from tests.simulation.aftermath import AFTERMATH
from tests.simulation.answers import ANSWERS
from tests.simulation.boundaries import Fault
from tests.simulation.mail_server import Accepted
from tests.simulation.portal import CancelPost
from tests.simulation.world import World

NOT_YET = "not-yet-canceled"
UNKNOWN_WHETHER = "It is not known whether another publish"
REPLACES = "This replaces the mail of"
OUTCOME_IN_RECORD = r"\"outcome\":{"
CRASHES = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER)


@dataclass(frozen=True)
class Case:
    """One request after a run, with everything that is true about it."""

    world: World
    row: CancellationRecord

    @property
    def facts(self) -> true_outcomes.Case:
        """What its outcome is judged by."""
        offer = self.world.portal.offers[self.row.offer_id]
        return true_outcomes.Case(
            row=self.row,
            truth=offer.truth(),
            hits=[post.hit for post in self.posts],
            policy=self.world.policy,
            is_poisoned=self.is_poisoned,
            list_lag=timedelta(seconds=offer.scenario.list_lag_seconds),
            words=offer.scenario.words,
            taken_back_at=self._taken_back_at,
        )

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
    def mails_by_redrive(self) -> list[list[Accepted]]:
        """Those before a person first put it back, those after that, and so on."""
        times = range(self.row.redrives + 1)
        return [[m for m in self.mails if self.redrives_before(m) == n] for n in times]

    def redrives_before(self, mail: Accepted) -> int:
        """How often a person had put the request back when the server took the mail."""
        at = self.world.time.at(mail.at)
        return sum(step.step == "redriven" and step.at <= at for step in self.row.history)

    @property
    def mailing_is_poisoned(self) -> bool:
        """Whether what lies on a poison queue is its outcome, on its way into a mail."""
        return any(
            self.row.request_id in each.text and OUTCOME_IN_RECORD in each.text
            for each in self.world.pending_poison.stored
        )

    @property
    def is_poisoned(self) -> bool:
        """Whether a person finds it on a poison queue."""
        return any(self.row.request_id in record for record in self.world.poisoned)

    @property
    def _taken_back_at(self) -> datetime | None:
        mine = [t for t in self.world.taken_back if t.asked.accepted_id == self.row.request_id]
        since = min((taking.since for taking in mine), default=math.inf)
        return None if math.isinf(since) else self.world.time.at(since)

    def _all_mails(self) -> list[Accepted]:
        return [m for m in self.world.mail.accepted if m.request_id == self.row.request_id]


def _outcome_is_true(case: Case) -> Iterator[str]:
    if case.row.outcome is None:
        yield "it has no outcome"
    elif not case.facts.is_true:
        yield f"{case.row.outcome.name} is not true: {case.facts.truth} {case.posts}"


def _everybody_is_told(case: Case) -> Iterator[str]:
    """Whoever asked has a mail, unless it is the mailing itself that nobody could do."""
    if case.mailing_is_poisoned:
        return
    if not case.mails_by_redrive[-1]:
        yield "nobody was told its outcome"
    if case.row.mail is not Mail.SENT:
        yield f"its mail ended as {case.row.mail}"


def _mails_agree(case: Case) -> Iterator[str]:
    """They say the same, but for one after a redrive, which says that it replaces the other."""
    recorded = case.row.outcome.name.value if case.row.outcome else ""
    if {mail.outcome for mail in case.mails_by_redrive[-1]} - {recorded}:
        yield f"its mails say {[mail.outcome for mail in case.mails]}, its row {recorded}"
    for one, other in itertools.pairwise(case.mails):
        is_same = one.message_id == other.message_id and one.text == other.text
        was_redriven = case.redrives_before(one) < case.redrives_before(other)
        if not is_same and not (was_redriven and REPLACES in " ".join(other.text.split())):
            yield f"two mails disagree:\n{one.text}\n---\n{other.text}"


def _notices_come_before(case: Case) -> Iterator[str]:
    """NOT YET never follows an outcome, unless its sender stood still in between."""
    for notice in case.notices:
        mine = [e for e in case.world.boundaries.effects if e.actor == notice.actor]
        stood_still = any(e.fault in (Fault.PAUSE, Fault.TWIN) for e in mine)
        if not stood_still and any(
            mail.at < notice.at and case.redrives_before(mail) == case.redrives_before(notice)
            for mail in case.mails
        ):
            yield "NOT YET CANCELED was mailed after the outcome"


def _mails_are_not_repeated(case: Case) -> Iterator[str]:
    """At most one mail whose sender lived to record it, and heard that it was taken."""
    for mails in (*case.mails_by_redrive, case.notices):
        undisturbed = [mail for mail in mails if not _was_disturbed(case.world, mail)]
        if len({mail.effect for mail in undisturbed}) > 1:
            yield f"{len(undisturbed)} mails {mails[0].outcome} without a crash or lost answer"


def _was_disturbed(world: World, mail: Accepted) -> bool:
    """Whether the sender crashed, or an answer was lost, between the server's yes and our record.

    A worker that stood still does not count: its claim must hold for longer than that.
    """
    process = world.boundaries.effects[mail.effect].process
    for effect in world.boundaries.effects[mail.effect :]:
        if effect.process == process and effect.fault in CRASHES:
            return True
        if effect.actor != mail.actor:
            continue
        if effect.fault in (Fault.LOST, Fault.ERROR, Fault.TWICE):
            return True
        if effect.name == "row.replace" and effect.done:
            return False
    return False


def _nothing_else_is_hit(case: Case) -> Iterator[str]:
    facts = case.facts
    by_id = {operation.id: operation for operation in facts.truth}
    for post in case.posts:
        operation = by_id.get(post.hit or "")
        if operation is None or (operation == facts.target and facts.is_meant(operation)):
            continue
        was_seen = any(
            operation.id in shown.operations
            for shown in case.world.portal.shown
            if shown.actor == post.actor and shown.at <= post.at
        )
        if was_seen and not facts.is_meant(operation):
            yield f"{operation.id} was not meant, was seen before the call, and was hit"
        elif operation.state is State.CANCELED and not _is_disclosed(case, operation, post):
            yield f"{operation.id} was hit beside what was meant, and a mail does not say so"


def _is_disclosed(case: Case, operation: TrueOperation, post: CancelPost) -> bool:
    """A mail that went out before the call, and is replaced by another, could not say so."""
    told = (mail.text for mail in case.mails if mail.at > post.at)
    return all(operation.id in text or UNKNOWN_WHETHER in text for text in told)


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
        *(problem for holds in (*AFTERMATH, *ANSWERS) for problem in holds(world)),
        *(
            f"request {row.request_id}: {problem}"
            for row in world.rows
            for invariant in INVARIANTS
            for problem in invariant(Case(world, row))
        ),
    ]
