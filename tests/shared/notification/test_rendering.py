import re
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest

from shared.models import Outcome, OutcomeName, Refusal
from shared.notification.rendering import MAX_SUBJECT_CHARACTERS, render
from shared.notification.wording import NOT_YET, PARTNER_CENTER_URL, WORDINGS
from tests.shared.notification.notices import (
    REQUEST_ID,
    REQUESTED,
    SENDER,
    html_of,
    notice,
    one_line,
    outcome,
    received,
    text_of,
)

EVERY_OUTCOME: list[Outcome | None] = [None, *(outcome(name) for name in OutcomeName)]
EVERY_ID = ["not-yet-canceled", *OutcomeName]
LONG = {"publisher_id": "p" * 50, "offer_id": "o" * 50}
MARKUP = "<script>alert('x')</script> & \"quoted\" <img src=x onerror=alert(1)>"


class Page(HTMLParser):
    """The text that a reader sees, the tags, and every attribute that could load something."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.text = ""
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str | None] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value for name, value in attrs if name in {"href", "src", "background"}]
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


def test_every_outcome_has_words() -> None:
    assert set(WORDINGS) == set(OutcomeName)


@pytest.mark.parametrize("wording", [NOT_YET, *WORDINGS.values()], ids=EVERY_ID)
def test_only_canceled_says_so_without_a_not(wording: object) -> None:
    for words in (getattr(wording, "subject", ""), getattr(wording, "headline", "")):
        is_canceled = wording is WORDINGS[OutcomeName.CANCELED]
        assert re.search(r"\bcanceled\b", words, re.IGNORECASE)
        assert is_canceled is not bool(re.search(r"\bNOT\b", words))


@pytest.mark.parametrize("found", EVERY_OUTCOME, ids=EVERY_ID)
def test_subject_and_first_line_say_the_outcome_first(found: Outcome | None) -> None:
    shown = notice(outcome=found)
    wording = WORDINGS[found.name] if found else NOT_YET
    assert render(shown, SENDER)["Subject"] == f"{wording.subject}: contoso/contoso-vm"
    assert text_of(shown).splitlines()[:2] == [wording.headline, "contoso / contoso-vm"]
    assert (
        one_line(Page(html_of(shown)).text)
        .removeprefix(wording.headline + " ")
        .startswith(wording.headline)
    )


@pytest.mark.parametrize("found", EVERY_OUTCOME, ids=EVERY_ID)
def test_text_and_html_say_what_to_do_and_where(found: Outcome | None) -> None:
    shown = notice(outcome=found)
    wording = WORDINGS[found.name] if found else NOT_YET
    text, page = one_line(text_of(shown)), Page(html_of(shown))
    for step in wording.steps:
        assert step in text
        assert step in one_line(page.text)
    assert PARTNER_CENTER_URL in text
    assert page.links == [PARTNER_CENTER_URL]
    assert "{" not in text
    assert not page.open


@pytest.mark.parametrize("found", EVERY_OUTCOME, ids=EVERY_ID)
def test_the_subject_stays_short_and_keeps_both_names(found: Outcome | None) -> None:
    subject = str(received(render(notice(outcome=found, **LONG), SENDER))["Subject"])
    assert len(subject) <= MAX_SUBJECT_CHARACTERS
    assert subject.isascii()
    assert re.search(r": p+\.\.\.p+/o+\.\.\.o+\Z", subject)


@pytest.mark.parametrize("found", EVERY_OUTCOME, ids=EVERY_ID)
def test_programs_find_request_and_outcome_in_the_headers(found: Outcome | None) -> None:
    mail = received(render(notice(outcome=found), SENDER))
    assert mail["X-Offer-Cancel-Request"] == REQUEST_ID
    assert mail["X-Offer-Cancel-Outcome"] == (found.name if found else "not-yet-canceled")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail["From"] == SENDER
    assert mail["To"] == "a@contoso.com, b@contoso.com"
    assert mail["Date"].datetime == REQUESTED + timedelta(minutes=5)
    assert mail.get_content_type() == "multipart/alternative"


def test_the_message_id_is_stable_per_request_and_outcome() -> None:
    def message_id(sender: str = SENDER, **changes: object) -> str:
        return str(received(render(notice(**changes), sender))["Message-ID"])

    canceled, rejected = outcome(OutcomeName.CANCELED), outcome(OutcomeName.REJECTED)
    first = message_id(outcome=canceled)
    assert re.fullmatch(r"<[0-9a-f-]{36}@mail\.contoso\.com>", first)
    later: dict[str, Any] = {"now": REQUESTED + timedelta(days=1), "recipients": ("b@contoso.com",)}
    assert message_id(outcome=canceled, request_id=REQUEST_ID.upper(), **later) == first
    other_request = "1" + REQUEST_ID[1:]
    others = [
        message_id(),
        message_id(outcome=rejected),
        message_id(outcome=canceled, request_id=other_request),
        message_id("cancel@fabrikam.com", outcome=canceled),
    ]
    assert len({first, *others}) == 5


@pytest.mark.parametrize("field", ["request_id", "publisher_id", "offer_id"])
def test_no_field_can_add_a_header(field: str) -> None:
    mail = received(render(notice(**{field: "x\r\nBcc: evil@example.org\n\n<b>"}), SENDER))
    assert "Bcc" not in mail
    assert [key for key in mail if key.lower().startswith("x-")] == [
        "X-Auto-Response-Suppress",
        "X-Offer-Cancel-Request",
        "X-Offer-Cancel-Outcome",
    ]
    assert mail["To"] == "a@contoso.com, b@contoso.com"


def test_a_recipient_that_is_no_bare_address_is_left_out() -> None:
    recipients = ("a@contoso.com", "b@contoso.com\nBcc: evil@example.org", "c <c@contoso.com>")
    mail = received(render(notice(recipients=recipients), SENDER))
    assert mail["To"] == "a@contoso.com"
    assert "Bcc" not in mail


def test_fifty_addresses_of_the_longest_kind_arrive_as_they_are() -> None:
    domain = ".".join(["d" * 60] * 3) + ".com"
    recipients = tuple(f"{'l' * 57}{n:02}@{domain}" for n in range(50))
    mail = render(notice(recipients=recipients), f"cancel@{domain}")
    wire = mail.as_bytes()
    assert max(map(len, wire.splitlines())) <= 998
    read = received(mail)
    assert tuple(address.addr_spec for address in read["To"].addresses) == recipients
    assert re.fullmatch(rf"<[0-9a-f-]{{36}}@{re.escape(domain)}>", read["Message-ID"])


def test_markup_from_outside_is_shown_and_never_run() -> None:
    shown = notice(
        publisher_id=MARKUP,
        offer_id=MARKUP,
        reason=MARKUP,
        request_id=MARKUP,
        target_operation_id=MARKUP,
        last_state=MARKUP,
        also_canceled=(MARKUP,),
        outcome=outcome("rejected", code=MARKUP, message=MARKUP, operation_state=MARKUP[:60]),
        refusal=Refusal(status_code=400, code="<i>", message="</div></td>"),
    )
    page = Page(html_of(shown))
    assert page.tags.isdisjoint({"script", "img", "i", "b"})
    assert page.links == [PARTNER_CENTER_URL]
    assert not page.open
    assert page.text.count("<script>alert('x')</script>") >= 6
    assert "<script>alert('x')</script>" in text_of(shown)


def test_braces_from_outside_are_no_placeholders() -> None:
    found = outcome("nothing-to-cancel", operation_state="{0.__class__} {hint}")
    assert "{0.__class__} {hint}" in one_line(text_of(notice(outcome=found)))


def test_hidden_and_turned_round_text_does_not_reach_the_reader() -> None:
    shown = notice(reason="a\u202eb\u2066c\x00d\x1b[31me\r\nTo: f")
    for body in (text_of(shown), Page(html_of(shown)).text):
        assert "abc d [31me To: f" in body
        assert not set(body) & set("\u202e\u2066\x00\x1b")


def test_what_is_sent_is_ascii_whatever_it_says() -> None:
    reason = "\u00dcn\u00efc\u00f6de \u539f\u56e0 \U0001f600 " * 30
    shown = notice(reason=reason, outcome=outcome("rejected", message="W" * 3000))
    wire = render(shown, SENDER).as_bytes()
    assert wire.isascii()
    assert b"8bit" not in wire
    assert max(map(len, wire.splitlines())) <= 998
    assert wire.count(b"\n") == wire.count(b"\r\n")
    assert one_line(reason) in one_line(text_of(shown))
