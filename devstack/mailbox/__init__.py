"""A mailbox: a real SMTP server that keeps what it receives, to be looked at."""

from devstack.mailbox.folder import MailFolder, ReceivedMail
from devstack.mailbox.server import Mailbox

__all__ = ["MailFolder", "Mailbox", "ReceivedMail"]
