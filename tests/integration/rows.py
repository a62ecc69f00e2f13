"""Rows as the ledger's tests write them."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from shared.models import Outcome, OutcomeName, Refusal
from shared.record import CancellationRecord, Mail, State, Step

NOW = datetime(2026, 11, 21, 10, 0, 0, 123456, tzinfo=UTC)


def bare(**changes: Any) -> CancellationRecord:
    """A row with nothing but what it must have."""
    record = CancellationRecord(
        request_id=str(uuid.uuid4()),
        publisher_id="Contoso",
        offer_id="contoso-vm",
        source="http",
        requested_at=NOW,
        created_at=NOW,
        last_step_at=NOW,
    )
    return replace(record, **changes)


_MAILED: dict[str, Any] = {
    "mail": Mail.SENT,
    "mail_at": NOW,
    "maybe_mailed_at": NOW,
    "notice": Mail.NOBODY,
    "notice_at": NOW,
    "notice_failures": 4,
    "redrives": 5,
    "replaces": NOW,
    "operation_named_at": NOW,
}


def _outcome(odd: str) -> Outcome:
    return Outcome(
        name=OutcomeName.CANCELED,
        at=NOW,
        operation_state=odd,
        code="C",
        message=odd,
        ended_at=NOW,
    )


def full() -> CancellationRecord:
    """A row that has something in every field, and in each something that could go wrong."""
    odd = "\u00fc\u539f\U0001f600 \x00\x1b\uffff \"'<&>\\ \r\n"
    return CancellationRecord(
        request_id=str(uuid.uuid4()),
        publisher_id="Con.toso-_1",
        offer_id="a_b-c",
        source="queue",
        requested_at=NOW - timedelta(microseconds=1),
        created_at=NOW,
        last_step_at=NOW + timedelta(days=9000),
        state=State.SUBMITTING,
        reason=odd,
        requested_operation_id=str(uuid.uuid4()),
        target_operation_id=str(uuid.uuid4()),
        fingerprint="0f" * 32,
        attempt=2**31 - 1,
        idle_since=NOW,
        refused_since=NOW,
        post_sent_at=NOW,
        post_confirmed_at=NOW,
        joined_request_id=str(uuid.uuid4()),
        pending_queued=True,
        location="/api/operations/a$b$2$preview?api-version=2017-10-31",
        polls=7,
        last_state=odd,
        last_state_at=NOW,
        last_error=odd,
        refusal=Refusal(status_code=409, code="No", message=odd),
        emails=("a@contoso.com", "b@contoso.com"),
        email_count=2,
        dropped_emails=3,
        newer_operations=(str(uuid.uuid4()),),
        also_canceled=(str(uuid.uuid4()), str(uuid.uuid4())),
        outcome=_outcome(odd),
        traceparent=f"00-{'4b' * 16}-{'a3' * 8}-01",
        history=(Step(NOW, "request-accepted", odd), Step(NOW, "cancel-sent")),
        **_MAILED,
    )
