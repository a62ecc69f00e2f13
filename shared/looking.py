"""Reads what the decision table needs to know of an offer, and asks the table."""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.case import Case
from shared.judgment import ReadStatus, Verdict, judge
from shared.partner_center.protocol import PartnerCenter
from shared.record import CancellationRecord


def look(
    center: PartnerCenter, record: CancellationRecord, now: datetime, second_look: timedelta
) -> tuple[Case, Verdict]:
    """One look at the offer: the list last, right before a cancel call that hits whatever runs.

    Raises:
        TransientError: Something could not be read.
        RefusedError: Partner Center refuses, or knows no such offer.
    """
    offer = record.publisher_id, record.offer_id
    subject_id = record.subject_id
    named = center.read_operation(*offer, subject_id) if subject_id else None
    listing = center.list_operations(*offer)
    case = Case(
        requested_at=record.requested_at,
        now=now,
        second_look=second_look,
        listing=listing,
        operation_id=record.requested_operation_id,
        target_id=record.target_operation_id,
        post_sent_at=record.post_sent_at,
        idle_since=record.idle_since,
        named=named,
    )
    verdict = judge(case)
    if isinstance(verdict, ReadStatus):
        case = replace(case, offer_status=center.read_status(*offer))
        verdict = judge(case)
    return case, verdict
