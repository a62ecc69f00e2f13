"""A test mail, for who wants to see one arrive."""

from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

from shared.addresses import is_allowed
from shared.check_advice import NOT_ALLOWED
from shared.errors import MailDeferredError, MailRefusedError
from shared.notification.sender import Sender
from shared.settings import MailSettings

SUBJECT = "Offer Cancel: this is a test"
_LINES = (
    "Somebody who looks after Offer Cancel wanted to see whether its mails arrive here.",
    "This one did. No offer was canceled, and there is nothing to do.",
)


def send_test_mail(
    settings: MailSettings,
    sender_for: Callable[[MailSettings], Sender],
    recipient: str,
    now: datetime,
) -> None:
    """Send one mail to one address, by the ways and rules of every other mail.

    Args:
        settings: Who mails, how, and to which domains.
        sender_for: Makes the sender.
        recipient: A bare address; no error repeats it.
        now: The time now.

    Raises:
        MailError: It was not sent, or nobody knows.
    """
    if not is_allowed(recipient, settings.allowed_domains):
        raise MailRefusedError(f"the test mail was not sent: {NOT_ALLOWED}")
    from shared.notification.operator_mail import operator_mail  # loads the email package

    mail = operator_mail(
        SUBJECT,
        _LINES,
        key=str(uuid4()),
        sender=settings.sender,
        recipients=(recipient,),
        now=now,
    )
    delivery = sender_for(settings).send(mail, (recipient,))
    if delivery.deferred:
        raise MailDeferredError("the recipient was refused for now")
    if not delivery.accepted:
        raise MailRefusedError("the recipient was refused for good")
