"""What the page about one request says."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from shared.models import OutcomeName, Refusal
from shared.notification.wording import PARTNER_CENTER_URL, WORDINGS
from shared.page.frame import Links
from shared.page.poison import Poisoned
from shared.page.story import story_page
from shared.record import KEPT_FIRST_STEPS, MAX_STEPS, CancellationRecord, Mail, State
from tests.page.builders import (
    EMAIL,
    HOSTILE,
    NOW,
    OPERATION_ID,
    REQUEST_ID,
    Read,
    ago,
    ended_row,
    row,
)

LINKS = Links()
OTHER_ID = "408a4835-0000-1000-0000-000000000000"


def story(record: CancellationRecord, *poisoned: Poisoned, links: Links = LINKS) -> Read:
    return Read(story_page(record, poisoned, links=links, now=NOW))


@pytest.mark.parametrize("name", OutcomeName)
def test_every_outcome_is_told_in_the_words_of_its_mail(name: OutcomeName) -> None:
    text = story(ended_row(name)).text
    assert WORDINGS[name].headline in text
    assert all(step in text for step in WORDINGS[name].steps)
    assert "Ended after 1 hour." in text
    assert f"Outcome {name.value}, found 2026-03-04 03:06:07 UTC" in text
    assert "{" not in text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "has not been sent to Partner Center yet"),
        ({"post_sent_at": ago(9)}, "has not confirmed that it took it"),
        ({"post_sent_at": ago(9), "post_confirmed_at": ago(9)}, "Partner Center took the cancel"),
    ],
)
def test_an_open_request_says_how_far_it_is_and_what_to_do_if_it_is_urgent(
    changes: dict[str, object], said: str
) -> None:
    text = story(row(**changes)).text
    assert "OPEN. NOT YET CANCELED." in text
    assert "Open for 3 hours." in text
    assert said in text
    assert 'choose "Cancel publish"' in text


def test_what_stands_in_the_way_and_what_was_refused_are_quoted() -> None:
    record = row(last_error="Partner Center answered 503: Busy")
    assert "What stands in the way: Partner Center answered 503: Busy" in story(record).text
    refused = ended_row(
        OutcomeName.REJECTED, refusal=Refusal(status_code=403, code="Forbidden", message="No.")
    )
    assert "answered the cancel with: HTTP 403 Forbidden: No." in story(refused).text


def test_the_steps_are_in_order_with_their_times_and_the_gaps_between_them() -> None:
    record = row().with_step(ago(178.5), "cancel-sent", OPERATION_ID).with_step(ago(120), "polled")
    read = story(record)
    assert "by http 2026-03-04 02:06:07 UTC 1 minute 30 seconds later Cancel sent" in read.text
    assert "58 minutes 30 seconds later Polled 2026-03-04 03:06:07 UTC" in read.text
    assert "2 hours since then Now" in read.text
    assert {"datetime": "2026-03-04T03:06:07Z"} in read.attributes("time")
    assert [name for name, _ in read.tags].count("ol") == 1


def test_the_time_line_of_a_request_that_has_ended_ends_with_it() -> None:
    assert "Now" not in story(ended_row(OutcomeName.CANCELED)).text


def test_where_steps_are_left_out_of_a_long_history_it_says_so() -> None:
    long = row()
    for number in range(MAX_STEPS + 5):
        long = long.with_step(ago(170) + timedelta(seconds=number), "polled", f"poll {number}")
    text = story(long).text
    assert text.count("steps may be left out here") == 1
    before, after = text.split("steps may be left out here")
    assert f"poll {KEPT_FIRST_STEPS - 2} " in before
    assert f"poll {MAX_STEPS + 4} " in after
    assert "left out here" not in story(row()).text


def test_every_fact_that_helps_is_there() -> None:
    record = ended_row(
        OutcomeName.COMPLETED_FIRST,
        attempt=2,
        redrives=1,
        polls=4,
        last_state="succeeded",
        last_state_at=ago(121),
        notice=Mail.SENT,
        notice_at=ago(160),
        dropped_emails=1,
        also_canceled=(OTHER_ID,),
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    )
    text = story(record).text
    for fact in (
        "Publisher Contoso",
        f"Request {REQUEST_ID}",
        "Status failed",
        "Came by http",
        "Reason given wrong price",
        "Requested 2026-03-04 02:06:07 UTC, 3 hours ago",
        "Tried again 2 times",
        "Put back by a person once",
        f"Operation {OPERATION_ID}",
        "Cancel sent 2026-03-04 02:07:07 UTC",
        "Polled 4 times",
        "Last seen as succeeded, 2026-03-04 03:05:07 UTC",
        f"Canceled besides {OTHER_ID}",
        "Mail of the outcome sent, 2026-03-04 03:07:07 UTC",
        "Mail NOT YET CANCELED sent, 2026-03-04 02:26:07 UTC",
        "Addresses in the request 1",
        "Addresses left out 1",
        "Trace 4bf92f3577b34da6a3ce929d0e0e4736",
    ):
        assert fact in text, fact
    assert PARTNER_CENTER_URL in story(record).links()


def test_a_request_that_shares_anothers_cancel_leads_to_it() -> None:
    links = story(row(joined_request_id=OTHER_ID)).links()
    assert f"?publisherId=Contoso&offerId=contoso-vm&id={OTHER_ID}" in links


def test_addresses_are_never_shown() -> None:
    record = replace(
        ended_row(OutcomeName.EXPIRED, last_error=f"refused {EMAIL}", reason=f"ask {EMAIL}"),
        source=f"http {EMAIL}",
        last_state=EMAIL,
    )
    poisoned = Poisoned(
        queue_name="cancel-requests",
        request_id=REQUEST_ID,
        offer=None,
        reason=f"bad {EMAIL}",
        inserted_at=ago(1),
    )
    page = story_page(record, [poisoned], links=LINKS, now=NOW)
    assert "ask &lt;hidden&gt;" in page
    assert EMAIL not in page


def test_nothing_from_outside_is_taken_for_markup() -> None:
    plain, hostile = (
        story(
            ended_row(
                OutcomeName.UNCONFIRMED,
                publisher_id=words,
                offer_id=words,
                reason=words,
                source=words,
                last_error=words,
                last_state=words,
                location=words,
                also_canceled=(words,),
                target_operation_id=words,
                requested_operation_id=words,
                refusal=Refusal(status_code=400, code=words, message=words),
            ).with_step(ago(1), words, words)
        )
        for words in ("word", HOSTILE)
    )
    assert [name for name, _ in hostile.tags] == [name for name, _ in plain.tags]
    assert "<script>alert(1)</script>" in hostile.text
    for (_, given), (_, kept) in zip(hostile.tags, plain.tags, strict=True):
        assert given.keys() == kept.keys()


def test_a_poisoned_request_says_why_and_what_to_type() -> None:
    poisoned = Poisoned(
        queue_name="pending-cancellations",
        request_id=REQUEST_ID,
        offer=("Contoso", "contoso-vm"),
        reason="it ended its worker 6 times",
        inserted_at=ago(30),
        noticed_at=ago(29),
    )
    text = story(ended_row(OutcomeName.UNCONFIRMED), poisoned).text
    assert "it ended its worker 6 times" in text
    assert (
        "Put on pending-cancellations 2026-03-04 04:36:07 UTC, 30 minutes ago; noticed 2026" in text
    )
    assert f"python -m shared.operate show {REQUEST_ID}" in text
    assert f"python -m shared.operate redrive {REQUEST_ID}" in text


def test_clocks_that_differ_make_no_negative_time() -> None:
    record = row(state=State.PENDING).with_step(NOW + timedelta(seconds=5), "polled")
    assert "less than a second since then Now" in story(record).text
