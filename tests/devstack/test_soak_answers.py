"""What a soak finds in the answers of callers, of each kind one by one."""

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from devstack.mailbox import ReceivedMail
from devstack.partner_center import CancelCall
from devstack.soak.answers import untrue_answers
from devstack.soak.asked import Asked
from devstack.soak.evidence import Evidence
from shared.models import CancelRequest, Outcome, OutcomeName
from shared.record import CancellationRecord, new_record
from shared.settings import PolicySettings

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
EMAIL, OTHERS = "ana@example.com", "ben@example.com"


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def asked(*ids: str, **known: Any) -> Asked:
    """A request with a key that was taken, and taken again."""
    those = Asked("an-offer", "http", NOON, key="build 4711", email=EMAIL, **known)
    for request_id in ids:
        those.taken(request_id, at(1))
    return those


def row(request_id: str, outcome: OutcomeName) -> CancellationRecord:
    made = new_record(
        CancelRequest(publisher_id="contoso", offer_id="an-offer"),
        request_id=request_id,
        requested_at=NOON,
        source="http",
        emails=(),
        dropped_emails=0,
        now=NOON,
    )
    return made.with_step(at(5), "outcome-found", outcome=Outcome(name=outcome, at=at(5)))


def evidence(those: Asked, outcome: OutcomeName) -> Evidence:
    mail = ReceivedMail(1, at(6), "", (EMAIL,), EmailMessage(), Path("0001.eml"))
    return Evidence(
        asked=[those],
        rows={"one": row("one", outcome)},
        mails={"one": [mail]},
        operator_mails=(),
        poison=(),
        left={},
        truth={},
        calls={"an-offer": [CancelCall(at(2), EMAIL, "x"), CancelCall(at(9), OTHERS, "x")]},
        stories={},
        troubles=(),
        storage_failures={},
        policy=PolicySettings(),
    )


def test_one_request_for_a_key_and_a_withdrawal_that_holds_are_true() -> None:
    in_time = asked("one", "one", is_withdrawn=True, withdrawn_at=at(3))
    too_late = asked("one", is_withdrawn=False, withdrawn_at=at(3))
    unanswered = asked()
    assert list(untrue_answers(evidence(in_time, OutcomeName.WITHDRAWN))) == []
    assert list(untrue_answers(evidence(unanswered, OutcomeName.CANCELED))) == []
    assert list(untrue_answers(evidence(too_late, OutcomeName.CANCELED))) == []


@pytest.mark.parametrize(
    ("those", "outcome", "sentence"),
    [
        (asked("one", "two"), OutcomeName.CANCELED, "answered with 2 ids: one, two"),
        (
            asked("two"),
            OutcomeName.CANCELED,
            "its key led to several requests: one, two",
        ),
        (
            asked("one", is_withdrawn=True, withdrawn_at=at(3)),
            OutcomeName.CANCELED,
            "it was withdrawn, and ended as canceled",
        ),
        (
            asked("one", is_withdrawn=False, withdrawn_at=at(3)),
            OutcomeName.WITHDRAWN,
            "withdrawing it was refused, and it is withdrawn",
        ),
        (
            asked("one", is_withdrawn=True, withdrawn_at=at(1)),
            OutcomeName.WITHDRAWN,
            "a cancel call was sent for it after it was withdrawn",
        ),
    ],
)
def test_whatever_callers_were_told_wrongly_is_found(
    those: Asked, outcome: OutcomeName, sentence: str
) -> None:
    [(request_id, told)] = untrue_answers(evidence(those, outcome))
    assert request_id == those.request_id
    assert sentence in told
