import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.mailbox import Mailbox
from shared.errors import MailAnswerLostError, MailDeferredError, MailError, MailRefusedError
from shared.notification.rendering import render
from shared.notification.sender import Delivery
from shared.notification.smtp import SmtpSender
from shared.notification.smtp_url import parse_smtp_url
from tests.integration.scripted_smtp import Reply, ScriptedSmtp, Trouble
from tests.integration.smtp_sending import (
    A,
    B,
    C,
    a_mail,
    failure_of,
    scripted_failure,
    server_at,
)
from tests.shared.notification.notices import notice, text_of

pytestmark = pytest.mark.integration


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[Mailbox]:
    with Mailbox(tmp_path / "mails") as box:
        yield box


@pytest.fixture(autouse=True)
def no_thread_stays_behind() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def test_a_mail_arrives_whole_at_the_recipients_given(mailbox: Mailbox) -> None:
    mail = a_mail()
    delivery = SmtpSender(parse_smtp_url(mailbox.url)).send(mail, (A, C, A))
    assert delivery == Delivery(accepted=(A, C))
    [received] = mailbox.mails()
    assert received.sender == "cancel@contoso.com"
    assert received.recipients == (A, C)
    assert received.message["To"] == f"{A}, {B}"
    assert received.text.splitlines() == mail.get_content().splitlines()


def test_a_rendered_mail_arrives_as_it_was_written(mailbox: Mailbox) -> None:
    written = notice(reason="\u00dcn\u00efc\u00f6de \u539f\u56e0 " * 30, offer_id="o" * 50)
    mail = render(written, "cancel@contoso.com")
    assert SmtpSender(parse_smtp_url(mailbox.url)).send(mail, written.recipients).accepted
    [received] = mailbox.mails()
    assert {name: str(value) for name, value in mail.items()}.items() <= {
        name: str(value) for name, value in received.message.items()
    }.items()
    assert received.text.splitlines() == text_of(written).splitlines()


def test_dots_are_doubled_and_lines_end_as_the_protocol_wants() -> None:
    with ScriptedSmtp() as server:
        SmtpSender(server_at(server.port)).send(a_mail(), (A,))
        body = server.mail.partition(b"\r\n\r\n")[2]
        assert body == b"first line\r\n..\r\n..a line with a dot\r\n\r\nlast line\r\n"
        assert server.heard[-1] == "QUIT"


def test_trouble_after_the_mail_was_accepted_changes_nothing() -> None:
    for trouble in (Trouble.HANG_UP, "421 closing", "500 what?"):
        with ScriptedSmtp(QUIT=trouble) as server:
            assert SmtpSender(server_at(server.port)).send(a_mail(), (A,)).accepted == (A,)


def test_each_recipient_is_refused_by_itself(mailbox: Mailbox) -> None:
    mailbox.refuse(A, 550)
    mailbox.refuse(B, 451)
    delivery = SmtpSender(parse_smtp_url(mailbox.url)).send(a_mail(), (A, B, C))
    assert delivery == Delivery(accepted=(C,), deferred=(B,), refused=(A,))
    assert [mail.recipients for mail in mailbox.mails()] == [(C,)]


@pytest.mark.parametrize(
    ("reply", "delivery"),
    [
        ("550 5.1.1 unknown", Delivery(refused=(A, B))),
        ("451 4.7.1 greylisted", Delivery(deferred=(A, B))),
        ("552 too many recipients", Delivery(deferred=(A, B))),
        ("nonsense", Delivery(deferred=(A, B))),
    ],
)
def test_no_mail_is_handed_over_when_nobody_may_have_it(reply: str, delivery: Delivery) -> None:
    with ScriptedSmtp(RCPT=reply) as server:
        assert SmtpSender(server_at(server.port)).send(a_mail(), (A, B)) == delivery
        assert not server.mail
        assert "DATA" not in server.heard


@pytest.mark.parametrize(
    ("verb", "reply", "words"),
    [
        ("GREETING", "554 no service here", "554 no service here"),
        ("GREETING", "421 too busy", "421 too busy"),
        ("GREETING", Trouble.HANG_UP, "closed"),
        ("EHLO", "500 what is that?", "500 what is that?"),
        ("EHLO", Trouble.HANG_UP, "closed"),
        ("EHLO", "\r\n".join(["250-x"] * 200), "too long"),
        ("MAIL", "550 5.7.60 not you, cancel@contoso.com", "550 5.7.60 not you, [address]"),
        ("MAIL", "451 later", "answered the sender: 451 later"),
        ("MAIL", Trouble.HANG_UP, "closed"),
        ("RCPT", "421 closing", "421 closing"),
        ("RCPT", Trouble.HANG_UP, "closed"),
        ("DATA", "451 later", "answered the mail: 451 later"),
        ("DATA", "no answer at all", "answered the mail: -1"),
        ("DATA", Trouble.HANG_UP, "closed"),
        ("END", "452 4.3.1 disk full", "452 4.3.1 disk full"),
        ("END", "421 closing", "421 closing"),
    ],
)
def test_a_failure_before_the_server_took_the_mail_defers_it(
    verb: str, reply: Reply, words: str
) -> None:
    assert words in scripted_failure(MailDeferredError, {verb: reply})


@pytest.mark.parametrize("verb", ["DATA", "END"])
def test_a_mail_refused_for_good_is_not_sent_again(verb: str) -> None:
    said = scripted_failure(MailRefusedError, {verb: f"554 5.7.1 spam, not for {A}\x1b[31m"})
    assert "answered the mail: 554 5.7.1 spam, not for [address] [31m" in said


@pytest.mark.parametrize("reply", [Trouble.HANG_UP, "nonsense", "354 go on"])
def test_a_lost_answer_is_told_from_a_mail_not_sent(reply: Reply) -> None:
    scripted_failure(MailAnswerLostError, {"END": reply})


def test_a_mail_whose_answer_was_lost_may_have_arrived(mailbox: Mailbox) -> None:
    mailbox.lose_answers(1)
    sender = SmtpSender(parse_smtp_url(mailbox.url))
    assert "after the mail was handed over" in failure_of(MailAnswerLostError, sender, A)
    assert sender.send(a_mail(), (A,)).accepted == (A,)
    assert len(mailbox.mails()) == 2


@pytest.mark.parametrize(
    ("verb", "expected"),
    [
        ("GREETING", MailDeferredError),
        ("EHLO", MailDeferredError),
        ("RCPT", MailDeferredError),
        ("DATA", MailDeferredError),
        ("END", MailAnswerLostError),
    ],
)
def test_a_server_that_drips_does_not_outlast_the_deadline(
    verb: str, expected: type[MailError]
) -> None:
    with ScriptedSmtp(**{verb: Trouble.DRIP}) as server:
        failure_of(expected, SmtpSender(server_at(server.port), deadline_seconds=1))


def test_a_handshake_that_drips_does_not_outlast_the_deadline() -> None:
    with ScriptedSmtp(GREETING=Trouble.DRIP) as server:
        sender = SmtpSender(server_at(server.port, "tls"), deadline_seconds=0.3)
        failure_of(MailDeferredError, sender)


def test_a_silent_server_is_given_up_on_but_not_while_it_has_the_mail() -> None:
    with ScriptedSmtp(RCPT=Trouble.SAY_NOTHING) as server:
        sender = SmtpSender(server_at(server.port), timeout_seconds=0.1)
        assert "timed out" in failure_of(MailDeferredError, sender)
    with ScriptedSmtp(END=Trouble.SAY_NOTHING) as server:
        sender = SmtpSender(server_at(server.port), timeout_seconds=0.5, deadline_seconds=1.5)
        assert "longer than 1.5 seconds" in failure_of(MailAnswerLostError, sender)
