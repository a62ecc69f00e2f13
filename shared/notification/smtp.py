"""Sending by SMTP: what the server's answers mean for a mail that must not get lost.

The commands are given one by one rather than by ``smtplib.sendmail``, which does not tell a mail
that was never handed over from one whose answer got lost. Its exceptions carry addresses, and now
and then credentials: none of them leaves this module.
"""

import re
import smtplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email.message import EmailMessage
from functools import cached_property

from shared.addresses import is_valid
from shared.errors import MailAnswerLostError, MailDeferredError, MailError, MailRefusedError
from shared.notification.phrasing import plain
from shared.notification.sender import Delivery
from shared.notification.smtp_connection import SmtpConnection, base64_of
from shared.notification.smtp_url import SmtpServer

_MAX_SERVER_TEXT = 300
_ADDRESS = re.compile(r"[^\s<>()\[\]\"',;:]+@[^\s<>()\"',;:]+")
_LINE_STARTING_WITH_DOT = re.compile(rb"^\.", re.MULTILINE)


class SmtpSender:
    """A ``Sender`` that opens one connection for each mail. Threads may share it."""

    def __init__(
        self,
        server: SmtpServer,
        *,
        timeout_seconds: float = 60.0,
        deadline_seconds: float = 300.0,
        tls_context: ssl.SSLContext | None = None,
    ) -> None:
        """Nothing is connected yet.

        Args:
            server: Where to hand mails over.
            timeout_seconds: The longest silence of the server before the mail itself is sent; its
                answer to that is awaited until the deadline, since a lost one means a second mail.
            deadline_seconds: The longest that one send may last.
            tls_context: By default the system's certificates, host name checked, TLS 1.2 or newer.
        """
        self._server = server
        self._timeout_seconds = timeout_seconds
        self._deadline_seconds = deadline_seconds
        self._given_tls_context = tls_context

    def send(self, mail: EmailMessage, recipients: Sequence[str]) -> Delivery:
        """Send to each recipient once; see ``Sender``.

        Raises:
            MailDeferredError: No connection, no TLS, no login, or a refusal for now.
            MailAnswerLostError: The connection failed between the mail and its answer.
            MailRefusedError: The server refuses this mail for good.
        """
        wanted = tuple(dict.fromkeys(recipients))
        usable = tuple(filter(is_valid, wanted))
        unusable = tuple(address for address in wanted if address not in usable)
        if not usable:
            return Delivery(refused=unusable)
        with self._connected() as connection:
            self._name_sender(connection, mail)
            delivery = self._name_recipients(connection, usable, unusable)
            if delivery.accepted:
                self._hand_over(connection, mail)
            return delivery

    def log_in(self) -> None:
        """Connect, secure the line, log in and say goodbye, without a mail.

        Raises:
            MailDeferredError: No connection, no TLS, or no login.
        """
        with self._connected():
            pass

    @cached_property
    def _tls_context(self) -> ssl.SSLContext:
        if self._given_tls_context:
            return self._given_tls_context
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    @contextmanager
    def _connected(self) -> Iterator[SmtpConnection]:
        connection: SmtpConnection | None = None
        try:
            connection = SmtpConnection(
                self._server,
                timeout_seconds=self._timeout_seconds,
                deadline_seconds=self._deadline_seconds,
                tls_context=self._tls_context,
            )
            connection.prepare()
            yield connection
        except OSError as error:
            is_late = connection is not None and not connection.seconds_left
            raise MailDeferredError(self._failure(error, is_late=is_late)) from None
        finally:
            if connection:
                connection.hang_up()

    def _name_sender(self, connection: SmtpConnection, mail: EmailMessage) -> None:
        senders = [named.addr_spec for named in mail["From"].addresses] if mail["From"] else []
        if len(senders) != 1 or not is_valid(senders[0]):
            raise MailDeferredError("the mail's sender is not a bare e-mail address")
        code, text = connection.docmd("MAIL", f"FROM:<{senders[0]}>")
        if code // 100 != 2:
            raise MailDeferredError(self._answer("the sender", code, text))

    def _name_recipients(
        self, connection: SmtpConnection, usable: Sequence[str], unusable: Sequence[str]
    ) -> Delivery:
        accepted: list[str] = []
        deferred: list[str] = []
        refused = list(unusable)
        for address in usable:
            code, text = connection.docmd("RCPT", f"TO:<{address}>")
            if code == 421:
                raise MailDeferredError(self._answer("a recipient", code, text))
            # 552 means "too many recipients" to servers that follow RFC 821 (RFC 5321, 4.5.3.1.10).
            is_final = code // 100 == 5 and code != 552
            (accepted if code // 100 == 2 else refused if is_final else deferred).append(address)
        return Delivery(accepted=tuple(accepted), deferred=tuple(deferred), refused=tuple(refused))

    def _hand_over(self, connection: SmtpConnection, mail: EmailMessage) -> None:
        code, text = connection.docmd("DATA")
        if code != 354:
            raise self._refusal(code, text, otherwise=MailDeferredError)
        connection.wait_until_deadline()
        # A failure while sending is no lost answer: without its last line it is no mail.
        connection.send(_on_the_line(mail))
        try:
            code, text = connection.getreply()
        except OSError as error:
            is_late = not connection.seconds_left
            message = f"after the mail was handed over: {self._failure(error, is_late=is_late)}"
            raise MailAnswerLostError(message) from None
        if code // 100 != 2:
            raise self._refusal(code, text, otherwise=MailAnswerLostError)

    def _refusal(self, code: int, text: bytes, *, otherwise: type[MailError]) -> MailError:
        kinds: dict[int, type[MailError]] = {4: MailDeferredError, 5: MailRefusedError}
        return kinds.get(code // 100, otherwise)(self._answer("the mail", code, text))

    def _failure(self, error: OSError, *, is_late: bool) -> str:
        if is_late:
            return f"{self._name}: it took longer than {self._deadline_seconds:g} seconds"
        if isinstance(error, smtplib.SMTPResponseException):
            step = "the login" if isinstance(error, smtplib.SMTPAuthenticationError) else "with"
            return self._answer(step, error.smtp_code, error.smtp_error)
        return f"{self._name}: {self._clean(str(error) or type(error).__name__)}"

    def _answer(self, what: str, code: int, text: bytes | str) -> str:
        said = text if isinstance(text, str) else text.decode("ascii", "replace")
        return f"{self._name} answered {what}: {code} {self._clean(said)}".rstrip()

    @property
    def _name(self) -> str:
        return f"mail server {self._server.host}:{self._server.port}"

    def _clean(self, said: str) -> str:
        user, password = self._server.user, self._server.password
        secrets = (f"\0{user}\0{password}", password, user) if user else ()
        for secret in secrets:  # a server may repeat the line that it did not like
            said = said.replace(base64_of(secret), "[login]").replace(secret, "[login]")
        return _ADDRESS.sub("[address]", plain(said, _MAX_SERVER_TEXT))


def _on_the_line(mail: EmailMessage) -> bytes:
    """With CRLF only, leading dots doubled, and the final dot (RFC 5321, 4.5.2)."""
    content = mail.as_bytes(policy=mail.policy.clone(linesep="\r\n", cte_type="7bit"))
    ending = b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n"
    return _LINE_STARTING_WITH_DOT.sub(b"..", content) + ending
