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
    explained = Counter[Trouble]()
    for one, other in itertools.chain.from_iterable(map(itertools.pairwise, alike)):
        request_id = str(one.message["X-Offer-Cancel-Request"])
        reason = _reason(one, other, evidence, explained)
        if reason is not None:
            explained[reason] += 1
        elif not _storage_was_too_slow(one.received_at, request_id, evidence):
            yield request_id, f"mail {other.number} repeats mail {one.number}"


def _reason(
    one: ReceivedMail, other: ReceivedMail, evidence: Evidence, explained: Counter[Trouble]
) -> Trouble | None:
    """A fault that may have kept the first mail from being recorded, and has not too many yet."""
    for trouble in evidence.troubles:
        is_lost_answer = trouble.kind is Kind.MAIL_ANSWERS_LOST
        most = trouble.amount if is_lost_answer else evidence.policy.poll_concurrency
        is_in_between = trouble.began <= other.received_at and _struck(trouble, one.received_at)
        if is_in_between and explained[trouble] < most:
            return trouble
    return None


def _struck(trouble: Trouble, at: datetime) -> bool:
    """Whether it was there between the server's yes to a mail, and when that is recorded."""
    begins_in_time = trouble.began <= at + RECORDED_WITHIN
    match trouble.kind:
        case Kind.HOST_KILLED | Kind.MAIL_GONE:
            return begins_in_time and trouble.began >= at - BEFORE
        case Kind.STORAGE_STOPPED:
            return begins_in_time and trouble.ended >= at
        case Kind.MAIL_ANSWERS_LOST:
            return trouble.began <= at <= trouble.ended
        case _:
            return False


def _storage_was_too_slow(at: datetime, request_id: str, evidence: Evidence) -> bool:
    """Whether the app says so: a machine that is too busy is no fault of the plan's."""
    failures = map(datetime.fromisoformat, evidence.storage_failures.get(request_id, ()))
    return any(at <= failure <= at + RECORDED_WITHIN for failure in failures)
