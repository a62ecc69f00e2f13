"""A mail as the API takes it: its shape, and the e-mail that the service makes of it."""

from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid

from msgspec import Struct, field


class Address(Struct, rename="camel"):
    """One recipient."""

    address: str
    display_name: str = ""


class Recipients(Struct):
    """All recipients; only ``to`` is required."""

    to: list[Address]
    cc: list[Address] = field(default_factory=list)
    bcc: list[Address] = field(default_factory=list)

    def all(self) -> list[str]:
        """Every address."""
        return [each.address for each in (*self.to, *self.cc, *self.bcc)]


class Content(Struct, rename="camel"):
    """Subject, and one or two ways to read the text."""

    subject: str
    plain_text: str = ""
    html: str = ""


class Message(Struct, rename="camel"):
    """The body of ``emails:send``; attachments and reply addresses are not simulated."""

    sender_address: str
    content: Content
    recipients: Recipients
    headers: dict[str, str] = field(default_factory=dict)
    user_engagement_tracking_disabled: bool = False

    def as_mail(self, known_message_ids: set[str]) -> EmailMessage:
        """The e-mail that goes out.

        A ``Message-ID`` that is valid and new is kept; another takes the place of any other.
        """
        given = {name.lower(): value for name, value in self.headers.items()}
        message_id = given.pop("message-id", "")
        is_kept = _is_message_id(message_id) and message_id not in known_message_ids
        domain = self.sender_address.rpartition("@")[2]
        mail = EmailMessage(policy=SMTP)
        mail["From"] = self.sender_address
        mail["To"] = ", ".join(each.address for each in self.recipients.to)
        mail["Subject"] = self.content.subject
        mail["Date"] = format_datetime(datetime.now(UTC))
        mail["Message-ID"] = message_id if is_kept else make_msgid(domain=domain)
        for name, value in self.headers.items():
            if name.lower() in given:
                mail[name] = value
        mail.set_content(self.content.plain_text)
        if self.content.html:
            mail.add_alternative(self.content.html, subtype="html")
        return mail


def _is_message_id(text: str) -> bool:
    name, at, domain = text.removeprefix("<").removesuffix(">").rpartition("@")
    return text == f"<{name}{at}{domain}>" and bool(name and domain)
