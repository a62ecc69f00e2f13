from datetime import timedelta

import pytest

from shared.models import OutcomeName, Refusal
from shared.notification.rendering import render
from shared.notification.wording import HINTS
from tests.shared.notification.notices import (
    OPERATION_ID,
    REQUEST_ID,
    REQUESTED,
    SENDER,
    notice,
    one_line,
    outcome,
    text_of,
)


def test_the_facts_are_there_with_times_in_utc_and_how_long_it_took() -> None:
    shown = notice(
        reason="wrong image",
        post_sent_at=REQUESTED + timedelta(seconds=3),
        last_state="running",
        last_state_at=REQUESTED + timedelta(minutes=2),
        dropped_emails=1,
        outcome=outcome(
            OutcomeName.COMPLETED_FIRST,
            operation_state="Succeeded",
            ended_at=REQUESTED + timedelta(minutes=3),
        ),
    )
    text = text_of(shown)
    for line in [
        "Publisher:     contoso",
        "Offer:         contoso-vm",
        f"Operation:     {OPERATION_ID}",
        "Reason given:  wrong image",
        "Requested:     2026-03-04 05:06:07 UTC",
        "Cancel sent:   2026-03-04 05:06:10 UTC",
        "Last seen as:  running (2026-03-04 05:08:07 UTC)",
        "State:         Succeeded",
        "Ended:         2026-03-04 05:09:07 UTC",
        "Outcome:       completed-first, found 2026-03-04 05:10:07 UTC",
        "Took:          4 minutes from request to outcome",
        "Not mailed:    1 address of the request that cannot be used",
        f"Request:       {REQUEST_ID}",
    ]:
        assert line in text.splitlines()


def test_the_offer_may_be_out_is_in_subject_and_first_line() -> None:
    shown = notice(outcome=outcome(OutcomeName.COMPLETED_FIRST))
    assert "THE OFFER MAY BE OUT" in render(shown, SENDER)["Subject"]
    assert "THE OFFER MAY BE OUT" in text_of(shown).splitlines()[0]


def test_nothing_to_cancel_tells_how_and_when_the_last_one_ended() -> None:
    ended = outcome("nothing-to-cancel", operation_state="succeeded", ended_at=REQUESTED)
    assert 'The last one ended as "succeeded" at 2026-03-04 05:06:07 UTC.' in one_line(
        text_of(notice(outcome=ended))
    )
    no_time = outcome("nothing-to-cancel", operation_state="failed")
    assert 'ended as "failed", at a time unknown.' in one_line(text_of(notice(outcome=no_time)))
    assert "Nothing is known of an earlier one." in text_of(
        notice(outcome=outcome("nothing-to-cancel"))
    )


@pytest.mark.parametrize(
    ("status_code", "code", "hint"),
    [
        (403, "", HINTS["403"]),
        (403, "SomethingElse", HINTS["403"]),
        (None, "Forbidden", HINTS["403"]),
        (404, "", HINTS["404"]),
        (None, "OperationNotFound", HINTS["OperationNotFound"]),
        (400, "BadRequest", ""),
    ],
)
def test_a_refusal_that_is_known_gets_a_hint(status_code: int | None, code: str, hint: str) -> None:
    refusal = Refusal(status_code=status_code, code=code) if status_code else None
    text = one_line(text_of(notice(outcome=outcome("rejected", code=code), refusal=refusal)))
    assert hint in text
    assert [known for known in set(HINTS.values()) if known in text] == [hint][: bool(hint)]


def test_partner_centers_words_are_given_once() -> None:
    said = {"code": "Conflict", "message": "Another operation runs."}
    refusal = Refusal(status_code=409, **said)
    same = text_of(notice(outcome=outcome("rejected", **said), refusal=refusal))
    assert same.count("Conflict: Another operation runs.") == 1
    other = text_of(
        notice(outcome=outcome("unconfirmed", message="It never ended."), refusal=refusal)
    )
    assert "What is known:\n  It never ended." in other
    assert "HTTP 409 Conflict: Another operation runs." in other


def test_not_yet_canceled_says_why_and_until_when() -> None:
    shown = notice(last_error="No token.", expires_at=REQUESTED + timedelta(days=1))
    text = one_line(text_of(shown))
    assert "Your request is 5 minutes old" in text
    assert "keeps trying until 2026-03-05 05:06:07 UTC." in text
    assert "What stands in the way: No token." in text
    assert "keeps trying. Another mail" in one_line(text_of(notice()))


def test_another_publish_that_may_have_been_hit_is_named() -> None:
    canceled = outcome(OutcomeName.CANCELED)
    other = "11111111-2185-49fe-80d2-c4ddf77bb2e8"
    text = one_line(text_of(notice(outcome=canceled, also_canceled=(other,))))
    assert "may also have stopped another publish" in text
    assert other in text
    unknown = one_line(text_of(notice(outcome=canceled, newer_unknown=True)))
    assert "It is not known whether another publish" in unknown
    assert "TAKE CARE" not in text_of(notice(outcome=canceled))


def test_lines_of_text_are_short_unless_one_word_is_long() -> None:
    shown = notice(outcome=outcome("rejected", message="word " * 200), reason="word " * 90)
    assert max(map(len, text_of(shown).splitlines())) <= 76
