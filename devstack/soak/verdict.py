"""Judges a soak by Partner Center's true history: what the app says of itself counts for nothing.

Whether an outcome is true says ``devstack.true_outcomes``; here is what else was promised: nothing
is lost, nobody waits in silence, mails agree and are repeated only for a reason, and what was hit
by mistake is disclosed.
"""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property

from devstack.mailbox import ReceivedMail
from devstack.partner_center import CancelCall, State, TrueOperation
from devstack.partner_center.scenarios import scenario
from devstack.soak.answers import untrue_answers
from devstack.soak.asked import Asked
from devstack.soak.evidence import Evidence
from devstack.soak.pace import Pace
from devstack.soak.repeats import unexplained_repeats
from devstack.true_outcomes import Case
from shared.record import CancellationRecord, Mail

NOT_YET = "not-yet-canceled"
UNKNOWN_WHETHER = "It is not known whether another publish"
# From the look that allows a cancel call to the call: what ran for longer was seen.
LONGEST_FROM_LOOK_TO_CALL = timedelta(seconds=10)
# Storage keeps the time of a message in whole seconds.
PRECISION = timedelta(seconds=1.5)


class Wrong(StrEnum):
    """In which way something is not as it must be."""

    LOST = "lost"
    FALSE = "false"
    REPEATED = "repeated without a reason"


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it must be; ``request_id`` is empty where it is nobody's."""

    wrong: Wrong
    request_id: str
    sentence: str


@dataclass(frozen=True)
class Told:
    """One row, and everything that is true about its request."""

    evidence: Evidence
    pace: Pace
    row: CancellationRecord
    asked: Asked | None

    @cached_property
    def facts(self) -> Case:
        """What its outcome is judged by."""
        story = self.evidence.stories[self.row.offer_id]
        knobs = scenario(story.scenario, story.knobs)
        return Case(
            row=self.row,
            truth=self.evidence.truth[self.row.offer_id],
            hits=[call.hit for call in self.calls],
            policy=self.evidence.policy,
            is_poisoned=self.is_poisoned,
            list_lag=timedelta(seconds=knobs.list_lag_seconds),
            words=knobs.words,
            may_be_unseen=self.pace.may_be_unseen,
            taken_back_at=self.asked.taken_back_at if self.asked else None,
        )

    @property
    def calls(self) -> list[CancelCall]:
        """Its cancel calls that Partner Center carried out."""
        calls = self.evidence.calls[self.row.offer_id]
        return [call for call in calls if call.emails in self._emails]

    @property
    def mails(self) -> list[ReceivedMail]:
        """The mails about its outcome."""
        return [mail for mail in self._all_mails if outcome_in(mail) != NOT_YET]

    @property
    def notices(self) -> list[ReceivedMail]:
        """The mails that said NOT YET CANCELED."""
        return [mail for mail in self._all_mails if outcome_in(mail) == NOT_YET]

    @property
    def is_poisoned(self) -> bool:
        """Whether a person finds it on a poison queue."""
        return any(self.row.request_id in each.message for each in self.evidence.poison)

    @property
    def _all_mails(self) -> Sequence[ReceivedMail]:
        return self.evidence.mails.get(self.row.request_id, ())

    @property
    def _emails(self) -> frozenset[str]:
        """A request whose answer was lost is known by its row or its mails alone."""
        if self.asked:
            return frozenset({self.asked.email})
        return frozenset({*self.row.emails, *(to for m in self._all_mails for to in m.recipients)})


@dataclass(frozen=True)
class Verdict:
    """What became of everything.

    Attributes:
        told: Every row, judged.
        outcomes: How many requests ended so.
        repeated: Mails beyond the first about the same thing.
    """

    told: Sequence[Told]
    findings: Sequence[Finding]
    outcomes: Counter[str]
    repeated: int

    def count(self, wrong: Wrong) -> int:
        """How many requests, or things that are nobody's, are wrong in that way."""
        mine = [each for each in self.findings if each.wrong is wrong]
        return len({each.request_id for each in mine if each.request_id}) + sum(
            not each.request_id for each in mine
        )


def judge(evidence: Evidence, pace: Pace) -> Verdict:
    """Judge everything that was asked for, and what was done without having been."""
    by_id = {asked.request_id: asked for asked in evidence.asked}
    told = [Told(evidence, pace, row, by_id.get(key)) for key, row in evidence.rows.items()]
    alike = [mails for each in told for mails in (each.mails, each.notices)]
    findings = [
        *_missing(evidence),
        *(finding for each in told for finding in _judge(each)),
        *(Finding(Wrong.FALSE, *untruth) for untruth in untrue_answers(evidence)),
        *(Finding(Wrong.REPEATED, *repeat) for repeat in unexplained_repeats(evidence, alike)),
    ]
    outcomes = Counter(each.row.outcome.name.value for each in told if each.row.outcome)
    return Verdict(told, findings, outcomes, sum(max(len(mails) - 1, 0) for mails in alike))


def outcome_in(mail: ReceivedMail) -> str:
    """The outcome that a mail tells."""
    return str(mail.message["X-Offer-Cancel-Outcome"])


def _missing(evidence: Evidence) -> Iterator[Finding]:
    """What was taken and left no trace, and what nobody ever picks up."""
    for asked in evidence.asked:
        if not asked.request_id:
            yield Finding(Wrong.LOST, "", f"a request for {asked.offer} was never answered")
        elif asked.request_id not in evidence.rows:
            yield Finding(Wrong.LOST, asked.request_id, "it was taken and has no row")
    for queue, count in evidence.left.items():
        if count:
            yield Finding(Wrong.LOST, "", f"{count} messages are left on {queue}")


def _judge(told: Told) -> Iterator[Finding]:
    request_id = told.row.request_id
    for sentence in _losses(told):
        yield Finding(Wrong.LOST, request_id, sentence)
    for untruth in (_untrue_outcome, _untrue_time, _mails_disagree, _notice_too_late, _hit_else):
        for sentence in untruth(told):
            yield Finding(Wrong.FALSE, request_id, sentence)


def _losses(told: Told) -> Iterator[str]:
    row = told.row
    if row.outcome is None:
        # One that was never answered may have got no further; who asked has asked again.
        if told.asked:
            yield f"it has no outcome: {row.state}, {row.last_error or 'no error'}"
        return
    if not told.mails:
        yield "nobody was told its outcome"
    if row.mail is not Mail.SENT:
        yield f"its mail ended as {row.mail}"
    is_told = any(row.request_id in mail.text for mail in told.evidence.operator_mails)
    if told.is_poisoned and not is_told:
        yield "it was poisoned and the operator was not told"


def _untrue_outcome(told: Told) -> Iterator[str]:
    if told.row.outcome is not None and not told.facts.is_true:
        yield f"{told.row.outcome.name} is not true"


def _untrue_time(told: Told) -> Iterator[str]:
    """The time that everything is judged by is the app's: it must be the true one."""
    asked = told.asked
    if asked is None or asked.taken_at is None:
        return
    if not asked.first_at - PRECISION <= told.row.requested_at <= asked.taken_at + PRECISION:
        yield f"it was asked for at {asked.first_at}, not {told.row.requested_at}"


def _mails_disagree(told: Told) -> Iterator[str]:
    recorded = told.row.outcome.name.value if told.row.outcome else ""
    mailed = [outcome_in(mail) for mail in told.mails]
    if set(mailed) - {recorded}:
        yield f"its mails say {', '.join(mailed)}, its row {recorded or 'nothing'}"
    for one, other in itertools.pairwise(told.mails):
        if (one.message["Message-ID"], one.text) != (other.message["Message-ID"], other.text):
            yield f"mails {one.number} and {other.number} disagree"


def _notice_too_late(told: Told) -> Iterator[str]:
    """NOT YET may cross the outcome on its way, but no sender is given longer than a claim."""
    first = min((mail.received_at for mail in told.mails), default=None)
    if first and any(notice.received_at > first + told.pace.claim for notice in told.notices):
        yield "NOT YET CANCELED was mailed after the outcome"


def _hit_else(told: Told) -> Iterator[str]:
    facts = told.facts
    by_id = {operation.id: operation for operation in facts.truth}
    for call in told.calls:
        operation = by_id.get(call.hit or "")
        if operation is None or (operation == facts.target and facts.is_meant(operation)):
            continue
        if _was_seen(told, operation, call.at) and not facts.is_meant(operation):
            yield f"{operation.id} was not meant, had run for long, and was hit"
        elif operation.state is State.CANCELED and not _is_disclosed(told, operation):
            yield f"{operation.id} was hit beside what was meant, and a mail does not say so"


def _was_seen(told: Told, operation: TrueOperation, at: datetime) -> bool:
    """Whether every look that allowed a call at that time must have shown the operation."""
    shows_at = operation.started_at + told.facts.list_lag
    return shows_at < at - LONGEST_FROM_LOOK_TO_CALL


def _is_disclosed(told: Told, operation: TrueOperation) -> bool:
    return all(operation.id in m.text or UNKNOWN_WHETHER in m.text for m in told.mails)
