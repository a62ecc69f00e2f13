"""A notice as a mail: headers that programs can rely on, and two ways to read the same words."""

from email.message import EmailMessage
from email.policy import SMTP
from typing import Final
from uuid import UUID, uuid5

from shared.addresses import domain_of, is_valid
from shared.notification.as_html import as_html
from shared.notification.as_text import as_text
from shared.notification.content import content_of, wording_of
from shared.notification.notice import Notice
from shared.notification.phrasing import ascii_word, short_name

MAX_SUBJECT_CHARACTERS = 78
_NOT_YET = "not-yet-canceled"
_MESSAGE_ID_NAMESPACE: Final = UUID("a0c5f7bd-6c51-4fb4-9c40-9a3b4f6f2f0e")
# 7bit: no server can be surprised by it. 998, the protocol's limit, since the email package may
# encode what it folds, and an encoded address or Message-ID is no address or Message-ID any more.
_POLICY: Final = SMTP.clone(cte_type="7bit", max_line_length=998)


def render(notice: Notice, sender: str) -> EmailMessage:
    """Write the mail.

    The same notice gives the same ``Message-ID``: it is made of request and outcome, and of what
    the mail replaces, so that no mail program drops it as a copy of that one.

    Args:
        notice: What it says, and to whom: recipients that are not bare addresses are left out.
        sender: A bare address.
    """
    outcome = notice.outcome.name.value if notice.outcome else _NOT_YET
    content = content_of(notice)
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = sender
    mail["To"] = ", ".join(filter(is_valid, notice.recipients))
    mail["Subject"] = _subject(notice)
    mail["Date"] = notice.now
    mail["Message-ID"] = _message_id(notice, outcome, domain_of(sender))
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail["X-Offer-Cancel-Request"] = ascii_word(notice.request_id)
    mail["X-Offer-Cancel-Outcome"] = outcome
    mail.set_content(as_text(content))
    mail.add_alternative(as_html(content), subtype="html")
    return mail


def _subject(notice: Notice) -> str:
    words = wording_of(notice).subject
    room = MAX_SUBJECT_CHARACTERS - len(words) - len(": ")
    return f"{words}: {short_name(notice.publisher_id, notice.offer_id, room)}"


def _message_id(notice: Notice, outcome: str, domain: str) -> str:
    replaced = f"|{notice.replaces.isoformat()}" if notice.replaces else ""
    name = f"{notice.request_id.lower()}|{outcome}{replaced}"
    return f"<{uuid5(_MESSAGE_ID_NAMESPACE, name)}@{domain}>"
