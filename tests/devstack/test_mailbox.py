"""The mailbox, spoken to by the standard library's SMTP client."""

import contextlib
import gc
import smtplib
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from devstack.errors import PortInUseError
from devstack.mailbox import Mailbox
from devstack.mailbox.__main__ import main

pytestmark = pytest.mark.integration

SENDER = "offer-cancel@contoso.com"
LOGIN = ("offer-cancel", "pass word")


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[Mailbox]:
    with Mailbox(tmp_path / "mail") as mailbox:
        yield mailbox


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path_factory.mktemp("tls") / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


def trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def connect(mailbox: Mailbox) -> smtplib.SMTP:
    return smtplib.SMTP("127.0.0.1", mailbox.port, timeout=10)


def a_mail(subject: str = "canceled: contoso/vm", text: str = "It is canceled.") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, "release@contoso.com", subject
    message.set_content(text)
    message.add_alternative(f"<p>{text}</p>", subtype="html")
    return message


def send(mailbox: Mailbox, *recipients: str, message: EmailMessage | None = None) -> dict[str, int]:
    """Sends a mail and returns the codes of the recipients that were refused."""
    with connect(mailbox) as client:
        refused = client.send_message(message or a_mail(), SENDER, recipients)
    return {recipient: code for recipient, (code, _) in refused.items()}


def test_a_mail_is_kept_with_its_envelope_and_both_of_its_parts(mailbox: Mailbox) -> None:
    send(mailbox, "release@contoso.com", "hidden@contoso.com")
    [mail] = mailbox.mails()
    assert mail.sender == SENDER
    assert mail.recipients == ("release@contoso.com", "hidden@contoso.com")
    assert mail.subject == "canceled: contoso/vm"
    assert mail.text.strip() == "It is canceled."
    html = mail.message.get_body(preferencelist=("html",))
    assert html is not None
    assert "<p>It is canceled.</p>" in html.get_content()
    assert mail.message["X-Envelope"] is None
    assert mail.path.suffix == ".eml"


def test_text_beyond_ascii_and_lines_of_dots_arrive_unchanged(mailbox: Mailbox) -> None:
    send(mailbox, "a@contoso.com", message=a_mail("zurückgezogen ✓", "erste\n.\n..zweite"))
    [mail] = mailbox.mails()
    assert mail.subject == "zurückgezogen ✓"
    assert mail.text.splitlines() == ["erste", ".", "..zweite"]


def test_waiting_ends_as_soon_as_the_mail_is_there(mailbox: Mailbox) -> None:
    send(mailbox, "a@contoso.com")
    send(mailbox, "b@contoso.com")
    found = mailbox.wait_for(lambda mail: "b@contoso.com" in mail.recipients)
    assert found.number == 2


def test_waiting_in_vain_says_what_there_is_instead(mailbox: Mailbox) -> None:
    send(mailbox, "a@contoso.com")
    with pytest.raises(TimeoutError, match="canceled: contoso/vm"):
        mailbox.wait_for(lambda mail: mail.subject == "another", timeout=0)


def test_numbers_go_on_after_a_restart_with_the_same_folder(mailbox: Mailbox) -> None:
    send(mailbox, "a@contoso.com")
    with Mailbox(mailbox.folder.path) as other:
        send(other, "b@contoso.com")
    assert [mail.number for mail in mailbox.mails()] == [1, 2]


@pytest.mark.parametrize("code", [550, 451])
def test_a_refused_recipient_does_not_keep_the_others_from_theirs(
    mailbox: Mailbox, code: int
) -> None:
    mailbox.refuse("Gone@contoso.com", code)
    assert send(mailbox, "gone@contoso.com", "a@contoso.com") == {"gone@contoso.com": code}
    assert mailbox.mails()[0].recipients == ("a@contoso.com",)


def test_everything_is_refused_until_it_is_not(mailbox: Mailbox) -> None:
    mailbox.refuse_everything()
    with pytest.raises(smtplib.SMTPSenderRefused) as refused:
        send(mailbox, "a@contoso.com")
    assert refused.value.smtp_code == 451
    mailbox.accept_again()
    send(mailbox, "a@contoso.com")
    assert len(mailbox.mails()) == 1


def test_a_mail_whose_answer_is_lost_was_kept_all_the_same(mailbox: Mailbox) -> None:
    mailbox.lose_answers(1)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(mailbox, "a@contoso.com")
    send(mailbox, "a@contoso.com")
    assert len(mailbox.mails()) == 2


def test_a_stopped_mailbox_refuses_connections_and_comes_back_on_its_port(
    mailbox: Mailbox,
) -> None:
    mailbox.stop_answering()
    with pytest.raises(ConnectionRefusedError):
        connect(mailbox)
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", mailbox.port))
    mailbox.start()
    send(mailbox, "a@contoso.com")
    assert len(mailbox.mails()) == 1


def test_stopping_does_not_wait_for_a_client_that_stays(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    mailbox.start()
    with connect(mailbox) as client:
        mailbox.stop()
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.docmd("NOOP")


@pytest.mark.parametrize("mechanism", ["auth_plain", "auth_login"])
def test_where_a_login_is_demanded_the_right_one_lets_in(tmp_path: Path, mechanism: str) -> None:
    with Mailbox(tmp_path, login=LOGIN) as mailbox, connect(mailbox) as client:
        client.ehlo()
        client.user, client.password = LOGIN
        name = mechanism.removeprefix("auth_").upper()
        client.auth(name, getattr(client, mechanism))
        client.send_message(a_mail())
        assert len(mailbox.mails()) == 1


def test_where_a_login_is_demanded_none_and_a_wrong_one_do_not_let_in(tmp_path: Path) -> None:
    with Mailbox(tmp_path, login=LOGIN) as mailbox, connect(mailbox) as client:
        with pytest.raises(smtplib.SMTPSenderRefused) as refused:
            client.send_message(a_mail())
        assert refused.value.smtp_code == 530
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login(LOGIN[0], "wrong")
        assert mailbox.mails() == []


def test_where_no_login_is_demanded_any_is_taken(mailbox: Mailbox) -> None:
    with connect(mailbox) as client:
        client.login("anybody", "anything")
        client.send_message(a_mail())
    assert len(mailbox.mails()) == 1


def test_starttls_is_demanded_and_carries_the_mail(
    tmp_path: Path, certificate: ssl.SSLContext
) -> None:
    with (
        Mailbox(tmp_path, starttls=certificate, login=LOGIN) as mailbox,
        connect(mailbox) as client,
    ):
        with pytest.raises(smtplib.SMTPSenderRefused):
            client.send_message(a_mail())
        client.starttls(context=trusting())
        client.login(*LOGIN)
        client.send_message(a_mail())
        assert len(mailbox.mails()) == 1


def test_implicit_tls_carries_the_mail(tmp_path: Path, certificate: ssl.SSLContext) -> None:
    with Mailbox(tmp_path, tls=certificate, login=LOGIN) as mailbox:
        assert mailbox.url.startswith("smtps://")
        with smtplib.SMTP_SSL("127.0.0.1", mailbox.port, context=trusting(), timeout=10) as client:
            client.login(*LOGIN)
            client.send_message(a_mail())
        assert len(mailbox.mails()) == 1


def test_a_port_in_use_is_said_by_its_number(mailbox: Mailbox, tmp_path: Path) -> None:
    with pytest.raises(PortInUseError, match=str(mailbox.port)):
        Mailbox(tmp_path, mailbox.port)


def test_the_list_shows_number_recipient_and_subject(
    mailbox: Mailbox, capsys: pytest.CaptureFixture[str]
) -> None:
    send(mailbox, "a@contoso.com")
    assert main(["list", "--folder", str(mailbox.folder.path)]) == 0
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split() == ["No.", "Time", "To", "Subject"]
    assert row.split()[0] == "1"
    assert row.endswith("a@contoso.com  canceled: contoso/vm")


def test_one_mail_is_shown_as_text_that_cannot_steer_the_terminal(
    mailbox: Mailbox, capsys: pytest.CaptureFixture[str]
) -> None:
    send(mailbox, "a@contoso.com", message=a_mail(text="red: \x1b[31m!"))
    assert main(["show", "1", "--folder", str(mailbox.folder.path)]) == 0
    shown = capsys.readouterr().out
    assert "Subject: canceled: contoso/vm" in shown
    assert "red: �[31m!" in shown


def test_a_mail_that_does_not_exist_is_said_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list", "--folder", str(tmp_path)]) == 0
    assert main(["show", "7", "--folder", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert "no mail in" in captured.out
    assert "no mail 7" in captured.err


def test_whoever_calls_while_it_stops_is_hung_up_on(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    mislaid: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", mislaid.append)
    is_over = threading.Event()

    def call_again_and_again() -> None:
        while not is_over.is_set():
            with contextlib.suppress(OSError), socket.create_connection(address, 2) as connection:
                connection.recv(100)

    address = ("127.0.0.1", mailbox.port)
    with ThreadPoolExecutor(12) as callers:
        calls = [callers.submit(call_again_and_again) for _ in range(12)]
        for _ in range(8):
            mailbox.stop()
            mailbox.start()
            with smtplib.SMTP(*address):
                pass
        is_over.set()
    gc.collect()
    assert [call.exception() for call in calls] == [None] * len(calls)
    assert mislaid == []
