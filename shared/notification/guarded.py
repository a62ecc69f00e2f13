"""A sender that keeps a mail server in trouble from holding up what else its caller does.

A bulkhead: only so many mails are under way at once. And a circuit breaker: after failures in a
row nobody tries but one, now and then, until a mail gets through.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared.errors import MailAnswerLostError, MailBusyError, MailDeferredError
from shared.notification.sender import Delivery, Sender

if TYPE_CHECKING:  # who only hands a mail on need not load the email package
    from email.message import EmailMessage

FAILURES_IN_A_ROW = 3
TRY_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class Traffic:
    """What is known of the mail server.

    Attributes:
        under_way: Mails that are being sent.
        failures: Tries in a row that the server failed, over all callers.
        failed_at: When the last of them ended.
    """

    under_way: int = 0
    failures: int = 0
    failed_at: datetime | None = None

    def check(self, most: int, now: datetime) -> None:
        """Return if one more mail may be sent now.

        Raises:
            MailBusyError: As many as may be are under way.
            MailDeferredError: The server keeps failing, and it is not yet time to try it again.
        """
        is_failing = self.failures >= FAILURES_IN_A_ROW
        if is_failing and self.failed_at is not None and now - self.failed_at < TRY_EVERY:
            raise MailDeferredError("the mail server keeps failing, so it was not tried")
        if self.under_way >= (1 if is_failing else most):
            raise MailBusyError("as many mails as may be are under way")


class GuardedSender:
    """A ``Sender`` around another one. Threads may share it, and have to for it to help."""

    def __init__(self, sender: Sender, *, most: int, clock: Callable[[], datetime]) -> None:
        """Send with this sender, so many mails at once at the most."""
        self._sender = sender
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._traffic = Traffic()

    def send(self, mail: "EmailMessage", recipients: Sequence[str]) -> Delivery:
        """Send, or raise without trying; see ``Sender``.

        A recipient that is refused says nothing about the server. Nor does a server that says
        when to come again: it is not in trouble, and its sender keeps to that.

        Raises:
            MailBusyError: Not tried, since too many others are being sent.
            MailDeferredError: Also if not tried, since the server keeps failing.
            MailAnswerLostError: As of the sender.
            MailRefusedError: As of the sender.
        """
        with self._lock:
            self._traffic.check(self._most, self._clock())
            self._traffic = replace(self._traffic, under_way=self._traffic.under_way + 1)
        has_failed = False
        try:
            return self._sender.send(mail, recipients)
        except MailDeferredError as error:
            has_failed = error.retry_after is None
            raise
        except MailAnswerLostError:
            has_failed = True
            raise
        finally:
            self._note_end(has_failed=has_failed)

    def _note_end(self, *, has_failed: bool) -> None:
        with self._lock:
            under_way = self._traffic.under_way - 1
            if has_failed:
                failures = self._traffic.failures + 1
                self._traffic = Traffic(under_way, failures, self._clock())
            else:
                self._traffic = Traffic(under_way)
