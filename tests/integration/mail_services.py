"""Mail services as a sender meets them, each with its own way to be made to misbehave."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from devstack.communication import AcsTrouble, CommunicationService
from devstack.mailbox import Mailbox, MailFolder, ReceivedMail
from shared.errors import MailRefusedError
from shared.notification.acs import AcsSender
from shared.notification.acs_resource import AcsResource
from shared.notification.quota import Quota
from shared.notification.sender import Sender
from shared.notification.smtp import SmtpSender
from tests.integration.smtp_sending import A, B, a_mail, server_at


class MailService(Protocol):
    """One service that takes mails from ``contoso.com``, with what arrived there."""

    @property
    def port(self) -> int:
        """Where it is on this machine."""

    def sender_at(self, port: int, seconds: float = 60) -> Sender:
        """A sender to whatever is at this port, which waits for it for so long at the most."""

    def log_in_at(self, port: int) -> None:
        """Try it out as the check of mail does."""

    def mails(self) -> list[ReceivedMail]:
        """What arrived."""

    def refuse_for_now(self) -> None:
        """Take no mail until ``accept_again``."""

    def refuse_for_good(self) -> None:
        """Refuse every mail for good until ``accept_again``."""

    def refuse(self, recipient: str) -> None:
        """Refuse this recipient for good."""

    def lose_answers(self, count: int) -> None:
        """Take so many mails, but hang up in place of an answer."""

    def accept_again(self) -> None:
        """All is well again."""

    def stop_answering(self) -> None:
        """Refuse connections."""


class SmtpService:
    """A mail server."""

    def __init__(self, folder: Path) -> None:
        """Take a port and serve."""
        self.box = Mailbox(folder)
        self.box.start()

    @property
    def port(self) -> int:
        """Where it is on this machine."""
        return self.box.port

    def sender_at(self, port: int, seconds: float = 60) -> Sender:
        """A sender to whatever is at this port."""
        return SmtpSender(server_at(port), timeout_seconds=seconds, deadline_seconds=seconds)

    def log_in_at(self, port: int) -> None:
        """Connect, and say goodbye."""
        SmtpSender(server_at(port)).log_in()

    def mails(self) -> list[ReceivedMail]:
        """What arrived."""
        return self.box.mails()

    def refuse_for_now(self) -> None:
        """Refuse who sends, with 451."""
        self.box.refuse_everything(451)

    def refuse_for_good(self) -> None:
        """Refuse every recipient, with 550."""
        for address in (A, B):
            self.box.refuse(address, 550)

    def refuse(self, recipient: str) -> None:
        """Refuse this recipient, with 550."""
        self.box.refuse(recipient, 550)

    def lose_answers(self, count: int) -> None:
        """Keep mails, and hang up."""
        self.box.lose_answers(count)

    def accept_again(self) -> None:
        """All is well again."""
        self.box.accept_again()

    def stop_answering(self) -> None:
        """Refuse connections."""
        self.box.stop_answering()

    def close(self) -> None:
        """End it."""
        self.box.stop()


class AcsService:
    """A resource of Azure Communication Services, used as a managed identity."""

    def __init__(self, folder: Path, setenv: Callable[[str, str], None]) -> None:
        """Take a port and serve; the identity goes into the environment, as Azure has it."""
        self.simulated = CommunicationService(MailFolder(folder))
        self.simulated.start()
        for name, value in self.simulated.identity().items():
            setenv(name, value)

    @property
    def port(self) -> int:
        """Where it is on this machine."""
        return int(self.simulated.endpoint.rpartition(":")[2])

    def sender_at(self, port: int, seconds: float = 60) -> AcsSender:
        """A sender to whatever is at this port."""
        return AcsSender(_resource(port), deadline_seconds=seconds)

    def log_in_at(self, port: int) -> None:
        """Ask about a mail that there is not."""
        AcsSender(_resource(port)).log_in()

    def mails(self) -> list[ReceivedMail]:
        """What went out."""
        return self.simulated.mails()

    def refuse_for_now(self) -> None:
        """Answer 503."""
        self.simulated.suffer(AcsTrouble(status=503, code="ServiceUnavailable", message="later"))

    def refuse_for_good(self) -> None:
        """Answer 400."""
        self.simulated.suffer(AcsTrouble(status=400, code="BadRequest", message="no such mail"))

    def refuse(self, recipient: str) -> None:
        """Refuse whatever goes to this recipient, with 400."""
        self.simulated.refuse(recipient)

    def lose_answers(self, count: int) -> None:
        """Take mails, and hang up."""
        self.simulated.suffer(AcsTrouble(carried_out=True, drop=True, first=count))

    def accept_again(self) -> None:
        """All is well again."""
        self.simulated.suffer(None)

    def stop_answering(self) -> None:
        """Refuse connections."""
        self.simulated.stop_answering()

    def close(self) -> None:
        """End it."""
        self.simulated.stop()


def sender_to(acs: CommunicationService, **resource: Any) -> AcsSender:
    """A sender to a simulated service, with the quota that Azure gives by default."""
    return AcsSender(AcsResource(endpoint=acs.endpoint, **resource))


def _resource(port: int) -> AcsResource:
    return AcsResource(endpoint=f"http://127.0.0.1:{port}", quota=Quota(1000, 1000))


def is_given_up(sender: Sender) -> bool:
    """Whether a send says that nobody will ever get this mail."""
    try:
        delivery = sender.send(a_mail(), (A, B))
    except MailRefusedError:
        return True
    return delivery.refused == (A, B)
