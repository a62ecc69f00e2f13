"""Mails that came twice: each needs a fault of its own between the server's yes and our record."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from devstack.mailbox import ReceivedMail
from devstack.soak.evidence import Evidence
from devstack.soak.plan import Kind
from devstack.soak.troubles import Trouble

# What comes between the two is one write to storage, which has two seconds, and the machine.
RECORDED_WITHIN = timedelta(seconds=5)
BEFORE = timedelta(seconds=0.5)
_ANY_NUMBER = frozenset({Kind.HOST_KILLED, Kind.STORAGE_STOPPED, Kind.MAIL_GONE})


def unexplained_repeats(
    evidence: Evidence, alike: Iterable[Sequence[ReceivedMail]]
) -> Iterator[tuple[str, str]]:
    """The request and a sentence for each repeated mail that no fault explains.

    Args:
        evidence: With every fault and its time.
        alike: The mails about the same thing, group by group, first received first.
    """
    lost = Counter[Trouble]()
    for one, other in itertools.chain.from_iterable(map(itertools.pairwise, alike)):
        request_id = str(one.message["X-Offer-Cancel-Request"])
        if not _is_explained(one.received_at, request_id, evidence, lost):
            yield request_id, f"mail {other.number} repeats mail {one.number}"


def _is_explained(
    at: datetime, request_id: str, evidence: Evidence, lost: Counter[Trouble]
) -> bool:
    """Whether the sender of a mail may not have lived, or been able, to record it."""
    meanwhile = [each for each in evidence.troubles if _overlaps(each, at)]
    if any(each.kind in _ANY_NUMBER for each in meanwhile):
        return True
    # A machine that is too busy for storage to answer in time is no fault of the plan's.
    failures = map(datetime.fromisoformat, evidence.storage_failures.get(request_id, ()))
    if any(at <= failure <= at + RECORDED_WITHIN for failure in failures):
        return True
    for trouble in meanwhile:
        if trouble.kind is Kind.MAIL_ANSWERS_LOST and lost[trouble] < trouble.amount:
            lost[trouble] += 1
            return True
    return False


def _overlaps(trouble: Trouble, at: datetime) -> bool:
    return trouble.began <= at + RECORDED_WITHIN and trouble.ended >= at - BEFORE
