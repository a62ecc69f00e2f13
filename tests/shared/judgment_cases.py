"""Looks at an offer, each with the rule of the decision table that must decide it."""

from datetime import timedelta
from typing import Any, NamedTuple

from shared.case import Case
from shared.judgment import Finish, Follow, LookAgain, ReadStatus, Submit
from shared.models import Outcome, OutcomeName
from tests.shared.builders import OTHER_ID, TARGET_ID, after, offer_status, operation

SECOND_LOOK = timedelta(seconds=45)
NOW = after(600)


def case(**changes: Any) -> Case:
    """A look ten minutes after a request that names no operation, at an offer without any."""
    values: dict[str, Any] = {
        "requested_at": after(0),
        "now": NOW,
        "second_look": SECOND_LOOK,
        "listing": (),
        **changes,
    }
    return Case(**values)


class Row(NamedTuple):
    """One case of the table: who decides it, and what follows."""

    rule: str
    case: Case
    verdict: Any


def finished(name: OutcomeName, subject: Any = None, **changes: Any) -> Finish:
    """The end with this outcome, found now, about the subject."""
    known: dict[str, Any] = {}
    if subject is not None:
        known = {"operation_state": subject.word, "ended_at": subject.ended_at}
    return Finish(Outcome(name=name, at=NOW, **known, **changes), subject)


RUNNING = operation("running", started_at=after(-300))
CANCELED = operation("canceled", started_at=after(-300), ended_at=after(60))
SUCCEEDED = operation("completed", started_at=after(-300), ended_at=after(60))
FAILED = operation("failed", started_at=after(-300), ended_at=after(60))
LONG_OVER = operation("succeeded", started_at=after(-900), ended_at=after(-600))
UNDATED = operation("succeeded")
ODD = operation("aborted", started_at=after(-300))
LATE = operation("running", started_at=after(60))
OTHER_RUNS = operation("running", OTHER_ID, started_at=after(30))
OTHER_ENDED = operation("succeeded", OTHER_ID, ended_at=after(-600))
IDLE = offer_status("Succeeded")
BUSY = offer_status("Running", is_active=True)

NOTHING = OutcomeName.NOTHING_TO_CANCEL

VANISHED_AFTER_CALL = "the target vanished after a cancel call"
NAMED_TOO_EARLY = "the named operation is unknown, too early to say"
NAMED_UNKNOWN = "the named operation is unknown"
VANISHED_BEFORE_CALL = "the target vanished before a cancel call"
ANOTHER_RUNS = "another operation runs, which the cancel call would hit"
STARTED_AFTER = "runs, but started after the request"
RUNS = "runs"
ENDED_AS_MEANT = "ended, and is the one that was meant"
ENDED_ODDLY = "ended, in a word that nobody knows, and no cancel call was sent"
READS_NOTHING = "nothing that could name the operation is to be had, and the status is not read yet"
ENDED_BY_PATH = "ended by its path alone, and the offer's status is not read yet"
ENDS_DISAGREE = "ended by its path alone, and the offer's status says canceled"
ENDED_ABOUT_THEN = "ended about when the request was made"
STATUS_UNREAD = "nothing is shown running, and the offer's status is not read yet"
NO_LIST_BUT_RUNS = "there is no list, something runs"
CALL_WITHOUT_TARGET = "a cancel call was sent for an operation that nobody could name"
DISAGREE = "list and status disagree"
SEEN_ONCE = "nothing runs, seen once on a young request"
NOTHING_RUNS = "nothing runs"

UNKNOWN_NAMED = finished(
    OutcomeName.REJECTED,
    code="OperationNotFound",
    message=f"Partner Center knows no operation {TARGET_ID} of this offer",
)
DISAGREEMENT = LookAgain(
    "the list of operations shows nothing running, but the offer's status says Running"
)
LAGGING = LookAgain("nothing runs yet; the list may lag behind", SECOND_LOOK)
BLOCKED = LookAgain("another operation of the offer runs than the one to cancel")
GONE = LookAgain(f"operation {TARGET_ID} is no longer shown")
NOT_KNOWN_YET = LookAgain(f"operation {TARGET_ID} is not known yet")

NAMED: dict[str, Row] = {
    "a target that vanished after the cancel call is left to polling": Row(
        VANISHED_AFTER_CALL, case(target_id=TARGET_ID, post_sent_at=after(10)), Follow()
    ),
    "a named operation that vanished after the cancel call is left to polling": Row(
        VANISHED_AFTER_CALL, case(operation_id=TARGET_ID, post_sent_at=after(10)), Follow()
    ),
    "a named operation unknown to a young request is looked for again": Row(
        NAMED_TOO_EARLY, case(operation_id=TARGET_ID, now=after(119.9)), NOT_KNOWN_YET
    ),
    "a target that vanished from a young request is looked for again": Row(
        NAMED_TOO_EARLY, case(target_id=TARGET_ID, now=after(119.9)), NOT_KNOWN_YET
    ),
    "a named operation unknown for two minutes is rejected": Row(
        NAMED_UNKNOWN, case(operation_id=TARGET_ID), UNKNOWN_NAMED
    ),
    "a named operation is unknown although another one runs": Row(
        NAMED_UNKNOWN, case(operation_id=TARGET_ID, listing=(OTHER_RUNS,)), UNKNOWN_NAMED
    ),
    "a target that vanished before any cancel call is looked for again": Row(
        VANISHED_BEFORE_CALL, case(target_id=TARGET_ID), GONE
    ),
    "a named operation that runs is canceled": Row(
        RUNS, case(operation_id=TARGET_ID, named=RUNNING, listing=(RUNNING,)), Submit(RUNNING)
    ),
    "a named operation is canceled however late it started": Row(
        RUNS, case(operation_id=TARGET_ID, named=LATE, listing=(LATE,)), Submit(LATE)
    ),
    "a named operation that the list does not show yet is canceled": Row(
        RUNS, case(operation_id=TARGET_ID, named=RUNNING, listing=(OTHER_ENDED,)), Submit(RUNNING)
    ),
    "a named operation is canceled where there is no list": Row(
        RUNS, case(operation_id=TARGET_ID, named=ODD, listing=None), Submit(ODD)
    ),
    "a named operation waits while another one runs": Row(
        ANOTHER_RUNS,
        case(operation_id=TARGET_ID, named=RUNNING, listing=(OTHER_RUNS, RUNNING)),
        BLOCKED,
    ),
    "a target waits while another one runs, even after a cancel call": Row(
        ANOTHER_RUNS,
        case(target_id=TARGET_ID, named=RUNNING, listing=(OTHER_RUNS,), post_sent_at=after(10)),
        BLOCKED,
    ),
    "a named operation that was canceled long ago ends the request": Row(
        ENDED_AS_MEANT,
        case(
            operation_id=TARGET_ID,
            named=operation("canceled", ended_at=after(-9000)),
            listing=(OTHER_RUNS,),
        ),
        finished(OutcomeName.CANCELED, operation("canceled", ended_at=after(-9000))),
    ),
    "a named operation that ended at a time unknown ends the request": Row(
        ENDED_AS_MEANT,
        case(operation_id=TARGET_ID, named=UNDATED),
        finished(OutcomeName.COMPLETED_FIRST, UNDATED),
    ),
    "a target that has failed ends the request, not what runs now": Row(
        ENDED_AS_MEANT,
        case(target_id=TARGET_ID, named=FAILED, listing=(OTHER_RUNS, FAILED)),
        finished(OutcomeName.FAILED_FIRST, FAILED),
    ),
    "a named operation whose word nobody knows has ended when a newer one runs": Row(
        ENDED_ODDLY,
        case(operation_id=TARGET_ID, named=ODD, listing=(OTHER_RUNS, ODD)),
        finished(NOTHING, ODD),
    ),
    "a named operation whose word nobody knows has ended when a newer one has too": Row(
        NOTHING_RUNS,
        case(operation_id=TARGET_ID, named=ODD, listing=(OTHER_ENDED, ODD), offer_status=IDLE),
        finished(NOTHING, ODD),
    ),
}

NEWEST: dict[str, Row] = {
    "the newest operation is canceled while it runs": Row(
        RUNS, case(listing=(RUNNING, OTHER_ENDED)), Submit(RUNNING)
    ),
    "an operation without a start is canceled while it runs": Row(
        RUNS, case(listing=(operation("running"),)), Submit(operation("running"))
    ),
    "one that started within the tolerance is canceled": Row(
        RUNS,
        case(listing=(operation(started_at=after(5)),)),
        Submit(operation(started_at=after(5))),
    ),
    "one that started after the request is left alone": Row(
        STARTED_AFTER,
        case(listing=(operation(started_at=after(5.001)),)),
        finished(OutcomeName.SUPERSEDED, operation(started_at=after(5.001))),
    ),
    "one that started after the request is canceled again once a call was sent": Row(
        RUNS, case(listing=(LATE,), post_sent_at=after(90)), Submit(LATE)
    ),
    "a target of an earlier look that started after the request is left alone": Row(
        STARTED_AFTER,
        case(target_id=TARGET_ID, named=LATE, listing=(LATE,)),
        finished(OutcomeName.SUPERSEDED, LATE),
    ),
    "the newest operation runs when its word is unknown and none is active": Row(
        RUNS, case(listing=(ODD, OTHER_ENDED)), Submit(ODD)
    ),
    "an older operation that is active is the one that runs": Row(
        RUNS,
        case(listing=(operation("aborted", OTHER_ID), RUNNING)),
        Submit(RUNNING),
    ),
    "one that was canceled after the request was made ends it": Row(
        ENDED_AS_MEANT, case(listing=(CANCELED,)), finished(OutcomeName.CANCELED, CANCELED)
    ),
    "one that succeeded after the request was made ends it": Row(
        ENDED_AS_MEANT,
        case(listing=(SUCCEEDED,)),
        finished(OutcomeName.COMPLETED_FIRST, SUCCEEDED),
    ),
    "one that failed after the request was made ends it": Row(
        ENDED_AS_MEANT, case(listing=(FAILED,)), finished(OutcomeName.FAILED_FIRST, FAILED)
    ),
    "one that ended within the tolerance needs the offer's status": Row(
        STATUS_UNREAD, case(listing=(operation("failed", ended_at=after(-5)),)), ReadStatus()
    ),
    "one that ended within the tolerance ends the request": Row(
        ENDED_ABOUT_THEN,
        case(listing=(operation("failed", ended_at=after(-5)),), offer_status=IDLE),
        finished(OutcomeName.FAILED_FIRST, operation("failed", ended_at=after(-5))),
    ),
    "one that ended before the request needs the offer's status": Row(
        STATUS_UNREAD, case(listing=(operation("failed", ended_at=after(-5.001)),)), ReadStatus()
    ),
    "one that ended before the request leaves nothing to cancel": Row(
        NOTHING_RUNS, case(listing=(LONG_OVER,), offer_status=IDLE), finished(NOTHING, LONG_OVER)
    ),
    "one that ended at a time unknown leaves nothing to cancel": Row(
        NOTHING_RUNS, case(listing=(UNDATED,), offer_status=IDLE), finished(NOTHING, UNDATED)
    ),
    "one that ended earlier is left to polling once a cancel call was sent": Row(
        CALL_WITHOUT_TARGET,
        case(listing=(LONG_OVER,), offer_status=IDLE, post_sent_at=after(10)),
        Follow(),
    ),
}

NOTHING_SHOWN: dict[str, Row] = {
    "an empty list needs the offer's status": Row(STATUS_UNREAD, case(), ReadStatus()),
    "a missing list needs the offer's status": Row(STATUS_UNREAD, case(listing=None), ReadStatus()),
    "an empty list and an idle status leave nothing to cancel": Row(
        NOTHING_RUNS, case(offer_status=IDLE), finished(NOTHING, operation_state="Succeeded")
    ),
    "without a list, an active status is reason enough for the cancel call": Row(
        NO_LIST_BUT_RUNS, case(listing=None, offer_status=BUSY), Submit(None)
    ),
    "without a list, an idle status leaves nothing to cancel": Row(
        NOTHING_RUNS,
        case(listing=None, offer_status=IDLE),
        finished(NOTHING, operation_state="Succeeded"),
    ),
    "without a list, an idle status after a cancel call is left to polling": Row(
        CALL_WITHOUT_TARGET,
        case(listing=None, offer_status=IDLE, post_sent_at=after(10)),
        Follow(),
    ),
    "an active status without an operation in the list is looked at again": Row(
        DISAGREE, case(offer_status=BUSY), DISAGREEMENT
    ),
    "an active status is looked at again even when nothing ran for long": Row(
        DISAGREE, case(offer_status=BUSY, idle_since=after(0)), DISAGREEMENT
    ),
    "a young request gets a second look": Row(
        SEEN_ONCE, case(offer_status=IDLE, now=after(119.9)), LAGGING
    ),
    "a young request whose second look came too soon gets another": Row(
        SEEN_ONCE,
        case(offer_status=IDLE, now=after(60), idle_since=after(60 - 43.9)),
        LAGGING,
    ),
    "a young request gets a second look without a list too": Row(
        SEEN_ONCE, case(listing=None, offer_status=IDLE, now=after(1)), LAGGING
    ),
}

CASES = NAMED | NEWEST | NOTHING_SHOWN
