"""Mails to the people who run this deployment: plain text, short, and no requester's address."""

from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final
from uuid import UUID, uuid5

from shared.addresses import domain_of
from shared.notification.phrasing import shorten

_MAX_SUBJECT_CHARACTERS = 78
_NAMESPACE: Final = UUID("5f0d0f0e-3a7e-4d0b-8c63-2b3f6f1f7c11")
_POLICY: Final = SMTP.clone(cte_type="7bit", max_line_length=998)


def operator_mail(
    subject: str,
    lines: Sequence[str],
    *,
    key: str,
    sender: str,
    recipients: Sequence[str],
    now: datetime,
) -> EmailMessage:
    """Write the mail.

    Args:
        subject: In ASCII.
        lines: What it says; free of addresses and secrets.
        key: What it is about: the same key gives the same ``Message-ID``.
        sender: A bare address.
        recipients: Bare addresses.
        now: When it is written.
    """
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = sender
    mail["To"] = ", ".join(recipients)
    mail["Subject"] = shorten(subject, _MAX_SUBJECT_CHARACTERS, keep_end=False)
    mail["Date"] = now
    mail["Message-ID"] = f"<{uuid5(_NAMESPACE, key)}@{domain_of(sender)}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content("\n".join((*lines, "", "Sent by Offer Cancel. Times are UTC.", "")))
    return mail
