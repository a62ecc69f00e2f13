"""Whether callers were told the truth: one request for each key, and nothing that is withdrawn."""

from collections import defaultdict
from collections.abc import Iterator

from devstack.soak.asked import Asked
from devstack.soak.evidence import Evidence
from shared.models import OutcomeName


def untrue_answers(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """The request and a sentence for each answer that turned out not to be true."""
    requests_of = _requests_by_email(evidence)
    for asked in evidence.asked:
        if asked.key:
            for sentence in _two_for_a_key(asked, requests_of[asked.email]):
                yield asked.request_id, sentence
        for sentence in _untrue_withdrawal(evidence, asked):
            yield asked.request_id, sentence


def _requests_by_email(evidence: Evidence) -> defaultdict[str, set[str]]:
    """The requests about which an address was mailed, or will be."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for request_id, mails in evidence.mails.items():
        for mail in mails:
            for email in mail.recipients:
                found[email].add(request_id)
    for request_id, row in evidence.rows.items():
        for email in row.emails:
            found[email].add(request_id)
    return found


def _two_for_a_key(asked: Asked, requests: set[str]) -> Iterator[str]:
    if len(asked.ids) > 1:
        yield f"one key was answered with {len(asked.ids)} ids: {', '.join(sorted(asked.ids))}"
    elif len(led_to := requests | asked.ids) > 1:
        yield f"its key led to several requests: {', '.join(sorted(led_to))}"


def _untrue_withdrawal(evidence: Evidence, asked: Asked) -> Iterator[str]:
    row = evidence.rows.get(asked.request_id)
    outcome = row.outcome.name if row and row.outcome else None
    if asked.is_withdrawn is None or asked.withdrawn_at is None:
        return
    if asked.is_withdrawn and outcome is not OutcomeName.WITHDRAWN:
        yield f"it was withdrawn, and ended as {outcome}"
    if not asked.is_withdrawn and outcome is OutcomeName.WITHDRAWN:
        yield "withdrawing it was refused, and it is withdrawn"
    calls = [call for call in evidence.calls[asked.offer] if call.emails == asked.email]
    if asked.is_withdrawn and any(call.at >= asked.withdrawn_at for call in calls):
        yield "a cancel call was sent for it after it was withdrawn"
