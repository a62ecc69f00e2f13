"""Mails that came twice: each needs a fault of its own between the server's yes and our record."""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from devstack.mailbox import ReceivedMail
from devstack.soak.evidence import Evidence
from devstack.soak.plan import Kind
from devstack.soak.troubles import Trouble

# When a mail was received, and when again.
type _Repeat = tuple[datetime, datetime]

# What comes between the two is one write to storage, which has two seconds, and the machine.
RECORDED_WITHIN = timedelta(seconds=4)
# From our note of a fault to the fault, and from the server's note of a mail to its answer.
BEFORE = timedelta(seconds=0.5)


def unexplained_repeats(
    evidence: Evidence, alike: Iterable[Sequence[ReceivedMail]]
) -> Iterator[tuple[str, str]]:
    """The request and a sentence for each repeated mail that no fault explains.

    Args:
        evidence: With every fault and its time.
        alike: The mails about the same thing, group by group, first received first.
    """
    faults = _Faults(evidence)
    for one, other in itertools.chain.from_iterable(map(itertools.pairwise, alike)):
        request_id = str(one.message["X-Offer-Cancel-Request"])
        is_explained = faults.explain((one.received_at, other.received_at))
        if not is_explained and not _storage_was_too_slow(one.received_at, request_id, evidence):
            yield request_id, f"mail {other.number} repeats mail {one.number}"


class _Faults:
    """Which repeats each fault explains, none more than it can have brought about.

    Several faults may explain a repeat. Which one does is changed as long as that explains another
    one: else it would be up to the order of faults whether there is one left for the last repeat.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._troubles = evidence.troubles
        self._workers = evidence.policy.poll_concurrency
        self._explained = defaultdict[Trouble, list[_Repeat]](list)

    def explain(self, repeat: _Repeat) -> bool:
        """Whether a fault explains this repeat beside all that are explained already."""
        return self._explains(repeat, set())

    def _explains(self, repeat: _Repeat, asked: set[Trouble]) -> bool:
        for trouble in self._troubles:
            if trouble in asked or not _may_explain(trouble, repeat):
                continue
            asked.add(trouble)
            those = self._explained[trouble]
            is_lost_answer = trouble.kind is Kind.MAIL_ANSWERS_LOST
            if len(those) < (trouble.amount if is_lost_answer else self._workers):
                those.append(repeat)
                return True
            for index, other in enumerate(those):
                if self._explains(other, asked):
                    those[index] = repeat
                    return True
        return False


def _may_explain(trouble: Trouble, repeat: _Repeat) -> bool:
    """Whether it may have kept the first mail from being recorded."""
    first, again = repeat
    return trouble.began <= again and _struck(trouble, first)


def _struck(trouble: Trouble, at: datetime) -> bool:
    """Whether it was there between the server's yes to a mail, and when that is recorded."""
    begins_in_time = trouble.began <= at + RECORDED_WITHIN
    match trouble.kind:
        case Kind.HOST_KILLED:
            return begins_in_time and trouble.began >= at - BEFORE
        case Kind.MAIL_GONE | Kind.STORAGE_STOPPED:
            # A mail that came while the server was going: it takes no other until the end.
            return begins_in_time and trouble.ended >= at
        case Kind.MAIL_ANSWERS_LOST:
            return trouble.began <= at <= trouble.ended
        case _:
            return False


def _storage_was_too_slow(at: datetime, request_id: str, evidence: Evidence) -> bool:
    """Whether the app says so: a machine that is too busy is no fault of the plan's."""
    failures = map(datetime.fromisoformat, evidence.storage_failures.get(request_id, ()))
    return any(at <= failure <= at + RECORDED_WITHIN for failure in failures)
