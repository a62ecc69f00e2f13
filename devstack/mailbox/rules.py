"""What the mailbox accepts: the hooks that aiosmtpd calls, and the knobs that make it refuse.

A login is demanded here and not by aiosmtpd's own switch, which warns, as an error in our tests,
when it is used without TLS; on loopback a test may well want that.
"""

from threading import Lock

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from devstack.mailbox.folder import MailFolder

_REASONS = {
    421: "4.3.2 Service not available, closing transmission channel",
    450: "4.2.0 Mailbox unavailable for now",
    451: "4.3.0 Try again later",
    452: "4.2.2 Mailbox full",
    550: "5.1.1 No such mailbox",
    554: "5.7.1 Refused",
}


class Rules:
    """Decides on each mail and keeps what is accepted. Knobs may be turned while it serves."""

    def __init__(self, folder: MailFolder, login: tuple[str, str] | None) -> None:
        """Accepts everything, from everyone or from who logs in."""
        self._folder = folder
        self._login = login
        self._lock = Lock()
        self.refused_recipients: dict[str, int] = {}
        self.refused_everything: int | None = None
        self.answers_to_lose = 0

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: object
    ) -> AuthResult:
        """Whether user and password are right; any are where none are demanded."""
        if not isinstance(given, LoginPassword):
            return AuthResult(success=False, handled=False)
        expected = self._login and tuple(text.encode() for text in self._login)
        is_right = expected in (None, (given.login, given.password))
        return AuthResult(success=is_right, handled=False)

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self,
        _server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        """Answers MAIL FROM."""
        if self._login and not session.authenticated:
            return "530 5.7.0 Authentication required"
        if self.refused_everything is not None:
            return _refusal(self.refused_everything)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        """Answers RCPT TO."""
        if code := self.refused_recipients.get(address.lower()):
            return _refusal(code)
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Keeps the mail, and answers unless that answer is to be lost."""
        content = envelope.original_content or b""
        self._folder.keep(envelope.mail_from or "", tuple(envelope.rcpt_tos), content)
        with self._lock:
            is_lost = self.answers_to_lose > 0
            self.answers_to_lose -= is_lost
        if is_lost and server.transport is not None:
            server.transport.close()
        return "250 2.0.0 Kept"


def _refusal(code: int) -> str:
    return f"{code} {_REASONS.get(code, 'Refused')}"
