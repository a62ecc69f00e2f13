import ssl
import threading
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devstack.mailbox import Mailbox
from shared.errors import MailDeferredError
from shared.notification.smtp import SmtpSender
from shared.notification.smtp_url import Security, SmtpServer
from tests.integration.scripted_smtp import Reply, ScriptedSmtp, Trouble
from tests.integration.smtp_sending import (
    PASSWORD,
    USER,
    A,
    a_mail,
    failure_of,
    scripted_failure,
    self_signed,
    server_at,
)

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return self_signed(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def server_tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    return context


@pytest.fixture
def trusting(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate[0])


@pytest.fixture(autouse=True)
def no_thread_stays_behind() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize("security", ["starttls", "tls", "plain"])
def test_a_mail_arrives_over_tls_after_a_login(
    tmp_path: Path, server_tls: ssl.SSLContext, trusting: ssl.SSLContext, security: Security
) -> None:
    kind: dict[str, Any] = {"tls" if security == "tls" else "starttls": server_tls}
    with Mailbox(tmp_path, login=(USER, PASSWORD), **kind) as box:
        server = server_at(box.port, security, user=USER, password=PASSWORD)
        delivery = SmtpSender(server, tls_context=trusting).send(a_mail(), (A,))
        assert delivery.accepted == (A,)
        assert len(box.mails()) == 1


def test_a_login_by_login_works_where_plain_is_not_offered() -> None:
    user, password = b64encode(b"me").decode(), b64encode(b"pw").decode()
    dialog = {
        "EHLO": "250-scripted\r\n250 AUTH LOGIN XOAUTH2",
        "AUTH": "334 VXNlcm5hbWU6",
        user.upper(): "334 UGFzc3dvcmQ6",
        password.upper(): "235 welcome",
    }
    with ScriptedSmtp(**dialog) as server:
        sender = SmtpSender(server_at(server.port, user="me", password="pw"))
        assert sender.send(a_mail(), (A,)).accepted == (A,)
        assert server.heard[1:4] == ["AUTH LOGIN", user, password]


def test_a_wrong_password_is_deferred_since_it_can_be_mended(tmp_path: Path) -> None:
    with Mailbox(tmp_path, login=(USER, PASSWORD)) as box:
        sender = SmtpSender(server_at(box.port, user=USER, password="hunter2 wrong"))
        assert "answered the login: 535" in failure_of(MailDeferredError, sender)
        assert not box.mails()


def test_a_login_that_the_server_repeats_is_not_repeated_by_us() -> None:
    user, password = "operator", "hunter2 secret:/@"
    sent = b64encode(f"\0{user}\0{password}".encode()).decode()
    said = scripted_failure(
        MailDeferredError,
        {"AUTH": f"535 no: {sent} is {user} and {password}"},
        user=user,
        password=password,
    )
    assert "answered the login: 535 no: [login] is [login] and [login]" in said


def test_no_login_is_tried_where_none_is_offered_that_we_know() -> None:
    said = scripted_failure(
        MailDeferredError, {"EHLO": "250-x\r\n250 AUTH XOAUTH2"}, user=USER, password=PASSWORD
    )
    assert "no login by PLAIN or LOGIN" in said


@pytest.mark.parametrize(
    ("ehlo", "starttls"),
    [
        ("250 scripted", "500 what?"),
        ("250-scripted\r\n250 STARTTLS", "454 not now"),
        ("250-scripted\r\n250 STARTTLS", Trouble.HANG_UP),
        ("250-scripted\r\n250 STARTTLS", "220 go on\r\n250 injected"),
    ],
)
def test_without_tls_neither_login_nor_mail_is_sent(ehlo: str, starttls: Reply) -> None:
    with ScriptedSmtp(EHLO=ehlo, STARTTLS=starttls) as server:
        who = server_at(server.port, "starttls", user=USER, password=PASSWORD)
        failure_of(MailDeferredError, SmtpSender(who, deadline_seconds=5))
        verbs = {line.split()[0] for line in server.heard if line}
        assert verbs.isdisjoint({"AUTH", "MAIL", "RCPT", "DATA"})


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_that_is_not_trusted_ends_it(
    tmp_path: Path, server_tls: ssl.SSLContext, security: Security
) -> None:
    kind: dict[str, Any] = {"tls" if security == "tls" else "starttls": server_tls}
    with Mailbox(tmp_path, **kind) as box:
        said = failure_of(MailDeferredError, SmtpSender(server_at(box.port, security)))
        assert "certificate verify failed" in said
        assert not box.mails()


def test_a_certificate_for_another_name_ends_it(
    tmp_path: Path, server_tls: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    with Mailbox(tmp_path, starttls=server_tls) as box:
        server = SmtpServer(host="localhost", port=box.port, security="starttls")
        said = failure_of(MailDeferredError, SmtpSender(server, tls_context=trusting))
        assert "not valid for 'localhost'" in said
