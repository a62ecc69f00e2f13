"""Cases of the decision table in which sources disagree, or only one is to be had."""

from shared.judgment import LookAgain, ReadStatus
from shared.models import OutcomeName
from tests.shared.builders import OTHER_ID, TARGET_ID, after, offer_status, operation
from tests.shared.judgment_cases import (
    CANCELED,
    ENDED_AS_MEANT,
    ENDED_BY_PATH,
    ENDS_DISAGREE,
    IDLE,
    LATE,
    LONG_OVER,
    OTHER_RUNS,
    READS_NOTHING,
    RUNNING,
    STARTED_AFTER,
    SUCCEEDED,
    Row,
    case,
    finished,
)

ONE_SOURCE: dict[str, Row] = {
    "the list knows that a path's completed was canceled": Row(
        ENDED_AS_MEANT,
        case(operation_id=TARGET_ID, named=SUCCEEDED, listing=(CANCELED,)),
        finished(OutcomeName.CANCELED, CANCELED),
    ),
    "a path that still says running is outdone by a list where a newer one runs": Row(
        ENDED_AS_MEANT,
        case(target_id=TARGET_ID, named=RUNNING, listing=(OTHER_RUNS, SUCCEEDED)),
        finished(OutcomeName.COMPLETED_FIRST, SUCCEEDED),
    ),
    "an end by its path alone needs the offer's status": Row(
        ENDED_BY_PATH, case(operation_id=TARGET_ID, named=SUCCEEDED, listing=None), ReadStatus()
    ),
    "an end by its path alone that the status contradicts is looked at again": Row(
        ENDS_DISAGREE,
        case(
            operation_id=TARGET_ID,
            named=SUCCEEDED,
            listing=None,
            offer_status=offer_status("Canceled"),
        ),
        LookAgain("the operation's path and the offer's status disagree on its end"),
    ),
    "an end by its path alone that the status bears out is told": Row(
        ENDED_AS_MEANT,
        case(operation_id=TARGET_ID, named=SUCCEEDED, listing=None, offer_status=IDLE),
        finished(OutcomeName.COMPLETED_FIRST, SUCCEEDED),
    ),
    "a named operation is not called unknown while nothing can be read": Row(
        READS_NOTHING, case(operation_id=TARGET_ID, listing=None), ReadStatus()
    ),
    "an operation that came and went after the request is not the one that was meant": Row(
        ENDED_AS_MEANT,
        case(
            listing=(
                operation("canceled", OTHER_ID, started_at=after(90), ended_at=after(120)),
                SUCCEEDED,
            )
        ),
        finished(OutcomeName.COMPLETED_FIRST, SUCCEEDED),
    ),
    "what became of the publish that was meant is told beside a newer one": Row(
        STARTED_AFTER,
        case(listing=(LATE, SUCCEEDED)),
        finished(
            OutcomeName.SUPERSEDED,
            LATE,
            message=f"The publish that ran when this was requested, {TARGET_ID}, ended as"
            " completed. It may be out.",
        ),
    ),
    "a publish that had ended before the request is not told beside a newer one": Row(
        STARTED_AFTER, case(listing=(LATE, LONG_OVER)), finished(OutcomeName.SUPERSEDED, LATE)
    ),
}
