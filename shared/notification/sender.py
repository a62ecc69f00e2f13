"""What every way of sending a mail has to offer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # the caller that only hands a mail on need not load the email package
    from email.message import EmailMessage


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What became of each recipient of one send.

    Attributes:
        accepted: The server has taken the mail for them.
        deferred: Refused for now: send to these again later.
        refused: Refused for good: never send to these again.
    """

    accepted: tuple[str, ...] = ()
    deferred: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


class Sender(Protocol):
    """Hands a mail to a mail service, at least once.

    A crash between the service's yes and the caller's record of it, or a lost answer, leads to a
    second send of the same mail. Both have the same ``Message-ID``, by which mail programs and
    services may drop the second.
    """

    def send(self, mail: "EmailMessage", recipients: Sequence[str]) -> Delivery:
        """Send to the recipients given, whatever the mail's ``To`` says.

        Returns:
            Every recipient once. ``accepted`` may be empty: then nothing was sent.

        Raises:
            MailDeferredError: Nothing was sent, and the reason may pass; with how long the service
                asks to wait, if it does.
            MailAnswerLostError: The mail was handed over but the answer did not come.
            MailRefusedError: The service refuses this mail for good.
        """
        ...
