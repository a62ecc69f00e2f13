"""What the list says, and where its links and its form lead."""

from dataclasses import replace
from urllib.parse import parse_qs

import pytest

from shared.models import OutcomeName
from shared.notification.wording import WORDINGS
from shared.page.filters import Filters
from shared.page.frame import Links
from shared.page.overview import EndedOnes, OpenOnes, Overview, overview_page
from shared.page.poison import Poisoned, Shelf
from shared.record import Mail, State
from tests.page.builders import EMAIL, HOSTILE, NOW, REQUEST_ID, Read, ago, ended_row, entry, row

NOTHING = Overview(
    filters=Filters(),
    open_ones=OpenOnes(longest=(), count=0),
    ended_ones=EndedOnes(newest=()),
    shelf=Shelf(found=()),
)
POISONED = Poisoned(
    queue_name="cancel-requests",
    request_id=REQUEST_ID,
    offer=("Contoso", "contoso-vm"),
    reason="the Functions host gave up on it",
    inserted_at=ago(40),
)


NO_KEY = Links()


def overview(shown: Overview, links: Links = NO_KEY) -> Read:
    return Read(overview_page(shown, links=links, now=NOW))


def test_an_empty_list_says_that_nothing_is_there() -> None:
    text = overview(NOTHING).text
    assert "0 open 0 poisoned" in text
    assert text.count("Nothing.") == 3


def test_what_is_open_is_told_with_how_long_and_how_far_it_is() -> None:
    late = row().with_step(ago(20), "polled", state=State.PENDING)
    fresh = row(created_at=ago(2), offer_id="fresh")
    shown = replace(NOTHING, open_ones=OpenOnes(longest=(entry(late), entry(fresh)), count=2))
    text = overview(shown).text
    assert "2 open, the longest for 3 hours" in text
    assert (
        "Contoso / contoso-vm Open, cancel under way for 3 hours, since 2026-03-04 02:06:07 UTC;"
        " last step 20 minutes ago" in text
    )
    assert "Contoso / fresh Open, cancel not sent yet for 2 minutes" in text


def test_open_ones_that_cannot_be_read_are_not_said_to_be_none() -> None:
    unread = OpenOnes(longest=(), count=0, is_read=False)
    text = overview(replace(NOTHING, open_ones=unread)).text
    assert "They could not be read in time" in text
    assert "0 open" not in text


@pytest.mark.parametrize(
    ("has_more", "said"), [(False, "4 that came later are"), (True, "older ones")]
)
def test_open_ones_that_are_not_shown_are_counted(has_more: bool, said: str) -> None:
    crowd = OpenOnes(longest=(entry(row()),), count=5, has_more=has_more)
    text = overview(replace(NOTHING, open_ones=crowd)).text
    assert f"{said}" in text
    assert f"5{'+' * has_more} open" in text


@pytest.mark.parametrize("name", OutcomeName)
def test_what_ended_says_how(name: OutcomeName) -> None:
    text = overview(replace(NOTHING, ended_ones=EndedOnes(newest=(entry(ended_row(name)),)))).text
    assert f"Contoso / contoso-vm {WORDINGS[name].subject} ended 2026-03-04 03:06:07 UTC" in text
    assert "its mail" not in text


def test_a_mail_that_did_not_go_out_is_told() -> None:
    failed = entry(ended_row(OutcomeName.EXPIRED, mail=Mail.FAILED))
    text = overview(replace(NOTHING, ended_ones=EndedOnes(newest=(failed,)))).text
    assert "after 1 hour; its mail: could not be sent to anybody" in text


def test_each_request_leads_to_its_story_and_the_end_of_the_page_to_the_next() -> None:
    ended = EndedOnes(newest=(entry(ended_row(OutcomeName.CANCELED)),), continuation="t-o_k")
    shown = replace(NOTHING, filters=Filters(publisher_id="Contoso", top="1"), ended_ones=ended)
    links = overview(shown).links()
    assert f"?publisherId=Contoso&offerId=contoso-vm&id={REQUEST_ID}" in links
    assert "?publisherId=Contoso&top=1&continuation=t-o_k" in links


def test_what_is_poisoned_is_told_with_what_to_type() -> None:
    unreadable = replace(POISONED, offer=None, request_id="7", reason=f"for {EMAIL}")
    nameless = replace(POISONED, offer=None, request_id="", reason="nonsense")
    shelf = Shelf(found=(POISONED, unreadable, nameless), unread=2, has_more=True)
    page = overview_page(replace(NOTHING, shelf=shelf), links=Links(), now=NOW)
    text = Read(page).text
    assert "5+ poisoned" in text
    assert f"python -m shared.operate redrive {REQUEST_ID}" in text
    assert "python -m shared.operate drop 7" in text
    assert "A message that cannot be read nonsense" in text
    assert "2 messages that the Functions host gave up on just now" in text
    assert "There may be more" in text
    assert EMAIL not in page


def test_poison_queues_that_cannot_be_read_do_not_hide_the_rest() -> None:
    text = overview(replace(NOTHING, shelf=None)).text
    assert "The poison queues cannot be read right now." in text
    assert "0 open" in text


def test_a_later_page_is_about_what_ended_alone() -> None:
    read = overview(replace(NOTHING, open_ones=None, shelf=None, is_first=False))
    headings = [tag for tag, _ in read.tags].count("h2")
    assert headings == 1
    assert "Ended" in read.text


def test_the_form_shows_what_was_filtered_for() -> None:
    filters = Filters(publisher_id="contoso", offer_id="vm", status="failed", outcome="expired")
    read = overview(replace(NOTHING, filters=filters))
    values = {field["name"]: field["value"] for field in read.attributes("input")}
    assert values == {"publisherId": "contoso", "offerId": "vm"}
    chosen = [option["value"] for option in read.attributes("option") if "selected" in option]
    assert chosen == ["failed", "expired", "50"]
    assert next(read.attributes("details")).keys() == {"class", "open"}
    assert "Filter: publisher contoso, offer vm, status failed, outcome expired" in read.text
    assert "open" not in next(overview(NOTHING).attributes("details"))


@pytest.mark.parametrize(("top", "chosen"), [("", "50"), ("10", "10"), ("7", "7")])
def test_the_form_shows_how_many_were_asked_for(top: str, chosen: str) -> None:
    read = overview(replace(NOTHING, filters=Filters(top=top)))
    assert [each["value"] for each in read.attributes("option") if "selected" in each][-1] == chosen


def test_every_outcome_and_status_can_be_filtered_for() -> None:
    values = {option["value"] for option in overview(NOTHING).attributes("option")}
    assert {name.value for name in OutcomeName} <= values
    assert {"notStarted", "running", "canceled", "failed"} <= values


def test_the_key_that_came_in_the_query_is_carried_on_by_every_link_and_the_form() -> None:
    code = "a/b+c==&d"
    ended = EndedOnes(newest=(entry(ended_row(OutcomeName.CANCELED)),), continuation="x")
    read = overview(replace(NOTHING, ended_ones=ended, shelf=Shelf(found=(POISONED,))), Links(code))
    links = [link for link in read.links() if not link.startswith("#")]
    assert len(links) >= 5
    assert all(parse_qs(link.removeprefix("?"))["code"] == [code] for link in links)
    [hidden] = [each for each in read.attributes("input") if each["type"] == "hidden"]
    assert hidden == {"type": "hidden", "name": "code", "value": code}


def test_without_a_key_in_the_query_there_is_none_in_the_page() -> None:
    read = overview(NOTHING)
    assert all("code" not in link for link in read.links())
    assert all(field["name"] != "code" for field in read.attributes("input"))


def test_nothing_from_outside_is_taken_for_markup() -> None:
    pages = []
    for words in ("word", HOSTILE):
        record = ended_row(OutcomeName.CANCELED, publisher_id=words, offer_id=words, source=words)
        waiting = row(publisher_id=words, offer_id=words, request_id=words)
        poisoned = replace(POISONED, offer=(words, words), request_id=words, reason=words)
        shown = Overview(
            filters=Filters(publisher_id=words, offer_id=words, status=words, outcome=words),
            open_ones=OpenOnes(longest=(entry(waiting),), count=1),
            ended_ones=EndedOnes(newest=(entry(record),), continuation=words),
            shelf=Shelf(found=(poisoned,)),
        )
        pages.append(overview(shown, Links(words)))
    plain, hostile = pages
    assert [name for name, _ in hostile.tags] == [name for name, _ in plain.tags]
    for (_, given), (_, kept) in zip(hostile.tags, plain.tags, strict=True):
        assert given.keys() == kept.keys()
