"""A connection to a mail server, up to the point where a mail can be handed over.

It is smtplib's client with what that lacks: one deadline over everything, TLS that cannot be
talked out of, and a login that takes any UTF-8 and is tried once, since a server may lock an
account for wrong tries.
"""

import smtplib
import socket
import ssl
import time
from base64 import b64encode
from contextlib import suppress
from ipaddress import ip_address
from threading import Timer

from shared.notification.smtp_url import SmtpServer

_QUIT_SECONDS = 5
_MAX_LINE_BYTES = 8192
_MAX_REPLY_LINES = 100


class SmtpConnection(smtplib.SMTP):
    """Connects when built; ``prepare`` it, use it, ``hang_up``.

    Raises:
        OSError: At every step: what smtplib and the network raise. The texts may have addresses
            or credentials in them.
    """

    def __init__(
        self,
        server: SmtpServer,
        *,
        timeout_seconds: float,
        deadline_seconds: float,
        tls_context: ssl.SSLContext,
    ) -> None:
        """Connect and read the greeting.

        Args:
            server: Where to, and how secure.
            timeout_seconds: The longest silence of the server.
            deadline_seconds: The longest that all of it may last; only the name look-up is up to
                the system's resolver.
            tls_context: Decides whose certificates are trusted.
        """
        self._server = server
        self._tls_context = tls_context
        self._deadline = time.monotonic() + deadline_seconds
        self._watchdog: _Watchdog | None = None
        # A name for EHLO is given so that smtplib does not ask the DNS for one, without any limit.
        super().__init__(
            server.host, server.port, local_hostname="[127.0.0.1]", timeout=timeout_seconds
        )

    @property
    def seconds_left(self) -> float:
        """Until the deadline, not negative."""
        return max(0.0, self._deadline - time.monotonic())

    def prepare(self) -> None:
        """Say who we are, secure the line, log in."""
        self._greet()
        must_have_tls = self._server.security == "starttls"
        if must_have_tls or (self._server.security == "plain" and self.has_extn("starttls")):
            self.starttls(context=self._tls_context)
            self._greet()
        if self._server.user:
            self._log_in()

    def wait_until_deadline(self) -> None:
        """From now on wait for the server as long as there is time at all."""
        if self.sock:
            self.sock.settimeout(max(self.seconds_left, 0.001))

    def hang_up(self) -> None:
        """Say goodbye, and pay no attention to the answer: nothing depends on it any more."""
        with suppress(OSError):
            if self.sock:
                self.sock.settimeout(_QUIT_SECONDS)
                self.docmd("QUIT")
        self.close()

    def close(self) -> None:
        """Close the connection; the watchdog goes with it."""
        try:
            super().close()
        finally:
            if self._watchdog:
                self._watchdog.stop()
                self._watchdog = None

    def getreply(self) -> tuple[int, bytes]:
        """Read one reply, whole.

        smtplib's own takes what it has for the reply when the connection ends within a line, so
        that a mail could count as accepted that was not; and it reads lines without end.

        Raises:
            OSError: The connection ended or was silent too long, or the reply is too long.
        """
        lines: list[bytes] = []
        while len(lines) < _MAX_REPLY_LINES:
            line = self._read_line()
            lines.append(line[4:].strip())
            if line[3:4] != b"-":
                code = int(line[:3]) if line[:3].isdigit() else -1
                return code, b"\n".join(lines)
        raise self._disconnected("the reply of the server is too long")

    def _read_line(self) -> bytes:
        if self.sock is None:
            raise self._disconnected("there is no connection")
        if self.file is None:
            self.file = self.sock.makefile("rb")
        try:
            line: bytes = self.file.readline(_MAX_LINE_BYTES)
        except OSError as error:
            raise self._disconnected(f"the connection failed: {error}") from error
        if not line.endswith(b"\n"):
            raise self._disconnected("the connection was closed, or the server sent no whole line")
        return line

    def _disconnected(self, message: str) -> smtplib.SMTPServerDisconnected:
        self.close()
        return smtplib.SMTPServerDisconnected(message)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        # The hook of smtplib by which SMTP_SSL, too, gets its socket.
        plain = self._connect(host, port, timeout)
        self._watchdog = _Watchdog(plain, self.seconds_left)
        if self._server.security != "tls":
            return plain
        try:
            return self._tls_context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            self.close()
            raise

    def _connect(self, host: str, port: int, timeout: float) -> socket.socket:
        failure: OSError = TimeoutError("no address could be reached in time")
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        # A firewall that drops is silent at every address, and some servers have eight.
        seconds = min(timeout, self.seconds_left) / len(addresses)
        for *_, address in addresses:
            try:
                return socket.create_connection((str(address[0]), port), seconds)
            except OSError as error:
                failure = error
        raise failure

    def _greet(self) -> None:
        if self.sock:
            own = ip_address(self.sock.getsockname()[0].partition("%")[0])
            self.local_hostname = f"[IPv6:{own}]" if own.version == 6 else f"[{own}]"
        code, text = self.ehlo()
        if code != 250:
            raise smtplib.SMTPHeloError(code, text)

    def _log_in(self) -> None:
        offered = self.esmtp_features.get("auth", "").upper().split()
        user, password = self._server.user, self._server.password
        if "PLAIN" in offered:
            replies = [self.docmd("AUTH", f"PLAIN {base64_of(f'\0{user}\0{password}')}")]
        elif "LOGIN" in offered:
            replies = [self.docmd("AUTH", "LOGIN")]
            for answer in (user, password):
                if replies[-1][0] == 334:
                    replies.append(self.docmd(base64_of(answer)))
        else:
            raise smtplib.SMTPNotSupportedError("it offers no login by PLAIN or LOGIN")
        code, text = replies[-1]
        if code != 235:
            raise smtplib.SMTPAuthenticationError(code, text)


def base64_of(text: str) -> str:
    """As a user or password goes over the line."""
    return b64encode(text.encode("utf-8")).decode("ascii")


class _Watchdog:
    """Cuts a connection at the deadline.

    A timeout cannot do that: it begins anew with every byte, so that a server which sends one now
    and then is never late. It holds a duplicate since wrapping a socket in TLS takes away the
    original, and the handshake has to end in time, too.
    """

    def __init__(self, connected: socket.socket, seconds: float) -> None:
        self._line = connected.dup()
        self._timer = Timer(seconds, self._cut)
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> None:
        """Stand down. Waits for a cut under way: it must not hit a reused file descriptor."""
        self._timer.cancel()
        self._timer.join()
        self._line.close()

    def _cut(self) -> None:
        with suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)
