"""What a soak did, as a table; and whatever was not as it must be, so that it can be understood."""

from collections import Counter
from collections.abc import Iterator

from devstack.soak.plan import Kind
from devstack.soak.soak import Soak
from devstack.soak.verdict import Finding, Told, Verdict, Wrong, outcome_in

_WIDTH = 34


def is_passed(verdict: Verdict) -> bool:
    """Whether nothing was lost, false, or repeated without a reason."""
    return not verdict.findings


def report(soak: Soak, verdict: Verdict, seed: int) -> str:
    """The table, after the story of everything that is wrong."""
    return "\n".join([*_stories(verdict), "", *_table(soak, verdict, seed)])


def _table(soak: Soak, verdict: Verdict, seed: int) -> Iterator[str]:
    troubles = Counter(each.kind for each in soak.breaker.troubles)
    asked = soak.crowd.asked
    yield _line("requests", len(asked))
    for by in ("http", "queue", "webhook"):
        yield _line(f"  by {by}", sum(each.by == by for each in asked))
    yield _line("  with a key", sum(bool(each.key) for each in asked))
    yield _line("sent again, the same id told", sum(each.sent_again for each in asked))
    yield _line("a used key refused", sum(each.conflicts for each in asked))
    yield _line("withdrawn in time", sum(each.is_withdrawn is True for each in asked))
    yield _line("withdrawn too late", sum(each.is_withdrawn is False for each in asked))
    yield _line("messages put twice", soak.crowd.duplicates)
    yield _line("offers", len(soak.crowd.offers.stories))
    yield _line("kills", troubles[Kind.HOST_KILLED])
    yield _line("faults", sum(troubles.values()))
    for kind in Kind:
        yield _line(f"  {kind}", troubles[kind])
    yield _line("outcomes", sum(verdict.outcomes.values()))
    for name, count in sorted(verdict.outcomes.items()):
        yield _line(f"  {name}", count)
    yield _line("poisoned", sum(each.is_poisoned for each in verdict.told))
    yield _line("mails", sum(len(each.mails) + len(each.notices) for each in verdict.told))
    yield _line("repeated mails", verdict.repeated)
    yield _line("  without a reason", verdict.count(Wrong.REPEATED))
    yield _line("lost", verdict.count(Wrong.LOST))
    yield _line("false", verdict.count(Wrong.FALSE))
    yield _line("seconds", round(soak.seconds))
    yield _line("seed", seed)


def _line(name: str, count: int) -> str:
    return f"{name:<{_WIDTH}}{count:>8}"


def _stories(verdict: Verdict) -> Iterator[str]:
    """Each request of which something is wrong: what, its history, and what is true."""
    told = {each.row.request_id: each for each in verdict.told}
    for request_id in dict.fromkeys(each.request_id for each in verdict.findings):
        mine = [each for each in verdict.findings if each.request_id == request_id]
        yield from _story(mine, told.get(request_id))


def _story(findings: list[Finding], told: Told | None) -> Iterator[str]:
    yield ""
    for finding in findings:
        yield f"{finding.wrong.upper()}: {finding.request_id or '-'}: {finding.sentence}"
    if told is None:
        return
    row, story = told.row, told.evidence.stories[told.row.offer_id]
    yield f"  {row.offer_id}, {story.scenario}, {row.source}, asked {row.requested_at:%H:%M:%S.%f}"
    yield f"  named {row.requested_operation_id}, target {row.target_operation_id}"
    if row.outcome:
        yield f"  {row.outcome}"
    yield "  its row:"
    yield from (f"    {step.at:%H:%M:%S.%f} {step.step} {step.detail}" for step in row.history)
    yield "  Partner Center's truth:"
    yield from (f"    {operation}" for operation in told.facts.truth)
    yield "  its cancel calls that were carried out:"
    yield from (f"    {call.at:%H:%M:%S.%f} hit {call.hit}" for call in told.calls)
    yield "  its mails:"
    for mail in (*told.notices, *told.mails):
        yield f"    {mail.number}: {mail.received_at:%H:%M:%S.%f} {outcome_in(mail)}"
