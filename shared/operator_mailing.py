"""Tells the people who run this deployment, at ``NOTIFICATION_DEFAULT_EMAILS``."""

from collections.abc import Sequence
from datetime import datetime

from shared.errors import MailDeferredError, MailRefusedError
from shared.outcome_mail import Mailer


def mail_operators(
    mailer: Mailer, subject: str, lines: Sequence[str], *, key: str, now: datetime
) -> None:
    """Send one mail to all of them; that one of them has it is enough.

    Args:
        mailer: With at least one default address.
        subject: In ASCII.
        lines: What it says; free of addresses and secrets.
        key: What it is about.
        now: The time now.

    Raises:
        MailError: Nobody has it, or nobody knows.
    """
    from shared.notification.operator_mail import operator_mail  # loads the email package

    recipients = mailer.settings.default_emails
    mail = operator_mail(
        subject, lines, key=key, sender=mailer.settings.sender, recipients=recipients, now=now
    )
    delivery = mailer.sender.send(mail, recipients)
    if delivery.accepted:
        return
    if delivery.deferred:
        raise MailDeferredError("every recipient was refused for now")
    raise MailRefusedError("every recipient was refused for good")
