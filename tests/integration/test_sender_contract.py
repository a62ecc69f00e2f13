"""What every sender promises, whichever mail service it hands mails to."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.errors import MailAnswerLostError, MailDeferredError, MailError
from shared.notification.rendering import render
from shared.notification.sender import Delivery
from tests.integration.mail_services import AcsService, MailService, SmtpService, is_given_up
from tests.integration.raw_server import RawServer
from tests.integration.smtp_sending import A, B, C, a_mail, failure_of
from tests.shared.notification.notices import notice, outcome, text_of

pytestmark = pytest.mark.integration

# What no service writes by itself, and what programs and mail servers go by.
KEPT = (
    "From",
    "To",
    "Subject",
    "Message-ID",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "X-Offer-Cancel-Request",
    "X-Offer-Cancel-Outcome",
)
SENDERS = 8


@pytest.fixture(params=["smtp", "acs"])
def service(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MailService]:
    if request.param == "smtp":
        smtp = SmtpService(tmp_path)
        yield smtp
        smtp.close()
    else:
        acs = AcsService(tmp_path, monkeypatch.setenv)
        yield acs
        acs.close()


@pytest.fixture(autouse=True)
def no_thread_stays_behind() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


@pytest.fixture
def unused_port() -> Iterator[int]:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def read_on(connection: socket.socket) -> None:
    """Take all that is sent, and say nothing."""
    while connection.recv(65536):
        pass


def test_a_mail_arrives_whole_at_each_recipient_given(service: MailService) -> None:
    mail = a_mail()
    delivery = service.sender_at(service.port).send(mail, (A, C, A))
    assert delivery == Delivery(accepted=(A, C))
    [received] = service.mails()
    assert (received.sender, received.recipients) == ("cancel@contoso.com", (A, C))
    assert received.subject == mail["Subject"]
    assert received.text.splitlines() == mail.get_content().splitlines()


def test_a_rendered_mail_arrives_as_it_was_written(service: MailService) -> None:
    written = notice(
        outcome=outcome("completed-first"),
        reason="\u00dcn\u00efc\u00f6de \u539f\u56e0 <b>&amp; " * 30,
        offer_id="o" * 50,
    )
    mail = render(written, "cancel@contoso.com")
    assert service.sender_at(service.port).send(mail, written.recipients).accepted
    [received] = service.mails()
    assert {name: received.message[name] for name in KEPT} == {name: mail[name] for name in KEPT}
    assert received.text.splitlines() == text_of(written).splitlines()
    html, sent = received.message.get_body(("html",)), mail.get_body(("html",))
    assert html is not None
    assert sent is not None
    assert html.get_content().splitlines() == sent.get_content().splitlines()


def test_one_sender_serves_one_mail_after_the_other(service: MailService) -> None:
    sender = service.sender_at(service.port)
    subjects = [f"Canceled: contoso/offer-{number}" for number in range(3)]
    for subject in subjects:
        assert sender.send(a_mail(subject), (A,)).accepted == (A,)
    assert [mail.subject for mail in service.mails()] == subjects


def test_threads_share_a_sender(service: MailService) -> None:
    sender = service.sender_at(service.port)
    subjects = {f"Canceled: contoso/offer-{number}" for number in range(SENDERS)}
    with ThreadPoolExecutor(SENDERS) as threads:
        sent = [threads.submit(sender.send, a_mail(subject), (A,)) for subject in subjects]
        assert {each.result() for each in sent} == {Delivery(accepted=(A,))}
    assert {mail.subject for mail in service.mails()} == subjects


def test_what_is_no_bare_address_never_reaches_the_service(service: MailService) -> None:
    evil = "b@contoso.com>\r\nRCPT TO:<evil@example.org"
    delivery = service.sender_at(service.port).send(a_mail(), (evil, A))
    assert delivery == Delivery(accepted=(A,), refused=(evil,))
    assert [mail.recipients for mail in service.mails()] == [(A,)]


def test_without_a_usable_recipient_nothing_is_connected(
    service: MailService, unused_port: int
) -> None:
    sender = service.sender_at(unused_port)
    assert sender.send(a_mail(), ()) == Delivery()
    assert sender.send(a_mail(), ("no address",)) == Delivery(refused=("no address",))


@pytest.mark.parametrize("named", ["", "a@contoso.com, b@contoso.com", "x <a@[127.0.0.1]>"])
def test_a_mail_without_one_bare_sender_is_deferred(service: MailService, named: str) -> None:
    mail = a_mail()
    mail.replace_header("From", named)
    with pytest.raises(MailDeferredError, match="sender"):
        service.sender_at(service.port).send(mail, (A,))
    assert not service.mails()


def test_a_service_that_is_not_there_defers_the_mail(
    service: MailService, unused_port: int
) -> None:
    assert "Connection refused" in failure_of(MailDeferredError, service.sender_at(unused_port))


def test_a_service_that_comes_back_takes_the_mail(service: MailService) -> None:
    sender = service.sender_at(service.port)
    service.refuse_for_now()
    failure_of(MailDeferredError, sender)
    assert not service.mails()
    service.accept_again()
    assert sender.send(a_mail(), (A,)).accepted == (A,)
    assert len(service.mails()) == 1


def test_a_mail_refused_for_good_is_told_from_one_refused_for_now(service: MailService) -> None:
    sender = service.sender_at(service.port)
    service.refuse_for_good()
    assert is_given_up(sender)
    assert not service.mails()
    service.accept_again()
    assert not is_given_up(sender)


def test_each_recipient_is_refused_by_itself(service: MailService) -> None:
    service.refuse(C)
    delivery = service.sender_at(service.port).send(a_mail(), (A, C, B))
    assert delivery == Delivery(accepted=(A, B), refused=(C,))
    assert sorted(each for mail in service.mails() for each in mail.recipients) == [A, B]
    assert service.sender_at(service.port).send(a_mail(), (C,)) == Delivery(refused=(C,))


def test_a_repetition_after_a_lost_answer_is_to_be_known_for_one(service: MailService) -> None:
    service.lose_answers(1)
    sender, written = service.sender_at(service.port), notice(outcome=outcome("canceled"))
    mail = render(written, "cancel@contoso.com")
    with pytest.raises(MailAnswerLostError, match="after the mail was handed over"):
        sender.send(mail, (A,))
    later = render(notice(outcome=written.outcome, now=written.requested_at), "cancel@contoso.com")
    assert sender.send(later, (A,)).accepted == (A,)
    assert {received.message["Message-ID"] for received in service.mails()} == {mail["Message-ID"]}


def test_a_lost_answer_shows_neither_addresses_nor_secrets(service: MailService) -> None:
    service.lose_answers(1)
    failure_of(MailAnswerLostError, service.sender_at(service.port))


def test_a_silent_service_is_given_up_on(service: MailService) -> None:
    with RawServer(read_on) as silent:
        with pytest.raises(MailError):
            service.sender_at(silent.port, seconds=0.3).send(a_mail(), (A,))
        assert silent.connections == 1


def test_logging_in_sends_no_mail(service: MailService, unused_port: int) -> None:
    service.log_in_at(service.port)
    assert not service.mails()
    with pytest.raises(MailDeferredError):
        service.log_in_at(unused_port)
