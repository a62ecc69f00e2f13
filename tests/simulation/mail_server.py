"""A mail server as a state machine: what it accepted, from whom, and for which request.

Mails without a request are those to the people who run the app.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage

from shared.errors import MailAnswerLostError, MailDeferredError
from shared.notification.sender import Delivery
from tests.simulation.boundaries import Boundaries

MAIL_SECONDS = 0.5


@dataclass(frozen=True)
class Accepted:
    """A mail that the server took.

    Attributes:
        actor: The invocation that sent it.
        effect: The number of the effect in which it did.
        outcome: The outcome that it tells, or ``not-yet-canceled``; empty for a digest.
    """

    at: float
    actor: int
    effect: int
    request_id: str
    outcome: str
    message_id: str
    recipients: tuple[str, ...]
    text: str


class SimulatedMailServer:
    """Implements ``Sender``."""

    def __init__(self, boundaries: Boundaries) -> None:
        self.accepted: list[Accepted] = []
        self.digests: list[Accepted] = []
        self.is_down = False
        self._boundaries = boundaries

    def send(self, mail: EmailMessage, recipients: Sequence[str]) -> Delivery:
        """Take a mail."""
        return self._boundaries.meet(
            "mail.send",
            lambda: self._take(mail, tuple(recipients)),
            seconds=MAIL_SECONDS,
            error=lambda: MailDeferredError("the mail server is busy"),
            lost=lambda: MailAnswerLostError("the mail server hung up"),
            note=str(mail["X-Offer-Cancel-Outcome"] or "digest"),
        )

    def _take(self, mail: EmailMessage, recipients: tuple[str, ...]) -> Delivery:
        if self.is_down:
            raise MailDeferredError("the mail server is down")
        body, effect = mail.get_body(("plain",)), self._boundaries.last
        assert body is not None
        assert effect is not None
        request_id = str(mail["X-Offer-Cancel-Request"] or "")
        taken = Accepted(
            at=self._boundaries.time.seconds,
            actor=self._boundaries.actor.number,
            effect=effect.number,
            request_id=request_id,
            outcome=str(mail["X-Offer-Cancel-Outcome"] or ""),
            message_id=str(mail["Message-ID"]),
            recipients=recipients,
            text=str(body.get_content()),
        )
        (self.accepted if request_id else self.digests).append(taken)
        return Delivery(accepted=recipients)
