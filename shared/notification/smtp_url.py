"""Reading ``NOTIFICATION_SMTP_URL``.

It holds a password, so no error repeats any part of it, not even the part that is wrong: in a
password with a stray ``/`` or ``:`` that part is the password.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final, Literal
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

from shared.hosts import is_loopback

type Security = Literal["starttls", "tls", "plain"]

_DEFAULT_PORTS: Final[Mapping[str, int]] = {"smtp": 587, "smtps": 465}
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_PRINTABLE_ASCII = re.compile(r"[!-~]+")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_FORM = "it must be smtp://user:password@host:587 or smtps://user:password@host:465"


@dataclass(frozen=True, kw_only=True)
class SmtpServer:
    """A mail server and how to talk to it.

    Attributes:
        host: A name or an IP address, without brackets.
        port: 1 to 65535.
        security: ``tls`` from the first byte; ``starttls`` required, never going on without it;
            ``plain`` only for a loopback host, and even there STARTTLS is used where it is offered.
        user: Empty together with the password for a server that asks for no login.
        password: As it is, percent-decoded.
    """

    host: str
    port: int
    security: Security
    user: str = ""
    password: str = field(default="", repr=False)


def parse_smtp_url(url: str) -> SmtpServer:
    """Read ``smtp://`` (STARTTLS, port 587) or ``smtps://`` (TLS, port 465).

    User and password are percent-decoded as UTF-8 and come both or not at all. For a loopback host
    (``localhost``, ``127.0.0.0/8``, ``::1``) ``smtp://`` needs no TLS.

    Raises:
        ValueError: What is wrong, as the rest of a sentence about the URL, without any part of it.
    """
    if not _PRINTABLE_ASCII.fullmatch(url):
        raise ValueError(f"it is empty or has characters that a URL cannot have; {_FORM}")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(f"it cannot be read as a URL; {_FORM}") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise ValueError(f"its scheme is unknown; {_FORM}")
    if parts.path or "?" in url or "#" in url:
        raise ValueError(
            "something follows host and port; in user and password, "
            "write / as %2F, ? as %3F and # as %23"
        )
    host = _host_of(parts)
    user, password = _login_of(parts)
    return SmtpServer(
        host=host,
        port=_port_of(parts),
        security=_security_of(parts.scheme, host),
        user=user,
        password=password,
    )


def _host_of(parts: SplitResult) -> str:
    host = parts.hostname
    if not host:
        raise ValueError(f"it has no host; {_FORM}")
    if not (_HOST_NAME.fullmatch(host) or (":" in host and "%" not in host and _is_ip(host))):
        raise ValueError("its host is neither a host name nor an IP address")
    return host


def _port_of(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0 or parts.netloc.endswith(":"):
        raise ValueError("its port is not a number from 1 to 65535")
    return port or _DEFAULT_PORTS[parts.scheme]


def _login_of(parts: SplitResult) -> tuple[str, str]:
    user, password = _decoded(parts.username or ""), _decoded(parts.password or "")
    if bool(user) != bool(password):
        raise ValueError("it has a user without a password, or a password without a user")
    return user, password


def _decoded(text: str) -> str:
    if _BAD_PERCENT.search(text):
        raise ValueError("its user or password has a % that should be written as %25")
    try:
        decoded = unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("its user or password is not UTF-8 after percent-decoding") from None
    if any(not character.isprintable() for character in decoded):
        raise ValueError("its user or password has a control character")
    return decoded


def _security_of(scheme: str, host: str) -> Security:
    if scheme == "smtps":
        return "tls"
    return "plain" if is_loopback(host) else "starttls"


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
