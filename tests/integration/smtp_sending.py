"""What the tests of the SMTP sender share: a mail, servers, a certificate, and reading errors."""

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shared.errors import MailError
from shared.notification.sender import Sender
from shared.notification.smtp import SmtpSender
from shared.notification.smtp_url import Security, SmtpServer
from tests.e2e.clean_logs import MAIL_PASSWORD
from tests.integration.scripted_smtp import Reply, ScriptedSmtp

A, B, C = "a@contoso.com", "b@contoso.com", "c@contoso.com"
USER, PASSWORD = "user@contoso.com", MAIL_PASSWORD


def a_mail(subject: str = "Canceled: contoso/offer") -> EmailMessage:
    """A mail with what a mail server could trip over."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = "cancel@contoso.com"
    mail["To"] = f"{A}, {B}"
    mail["Subject"] = subject
    mail.set_content("first line\n.\n.a line with a dot\n\nlast line\n")
    return mail


def server_at(
    port: int, security: Security = "plain", *, user: str = "", password: str = ""
) -> SmtpServer:
    """A server on this machine."""
    return SmtpServer(host="127.0.0.1", port=port, security=security, user=user, password=password)


def failure_of(expected: type[MailError], sender: Sender, *recipients: str) -> str:
    """Send, and return what the error says: all of it, as a log would show it."""
    with pytest.raises(expected) as raised:
        sender.send(a_mail(), recipients or (A, B))
    error = raised.value
    assert type(error) is expected
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    said = str(error)
    assert "@contoso.com" not in said
    assert "hunter2" not in said
    return said


def scripted_failure(
    expected: type[MailError], replies: dict[str, Reply], *, user: str = "", password: str = ""
) -> str:
    """Send to a server that answers so, and return what the error says."""
    with ScriptedSmtp(**replies) as server:
        return failure_of(
            expected, SmtpSender(server_at(server.port, user=user, password=password))
        )


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that is its own issuer, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mailbox")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate_path, key_path = folder / "cert.pem", folder / "key.pem"
    certificate_path.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate_path, key_path
