"""Notices to render, complete enough for every outcome, and reading what came of them."""

from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as default_policy
from typing import Any

from shared.models import Outcome, OutcomeName
from shared.notification.notice import Notice
from shared.notification.rendering import render

SENDER = "cancel@mail.contoso.com"
REQUESTED = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
REQUEST_ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
OPERATION_ID = "56615b67-2185-49fe-80d2-c4ddf77bb2e8"


def outcome(name: OutcomeName | str, **changes: Any) -> Outcome:
    """An outcome found four minutes after the request."""
    return Outcome(name=OutcomeName(name), at=REQUESTED + timedelta(minutes=4), **changes)


def notice(**changes: Any) -> Notice:
    """A notice, by default the one that says NOT YET CANCELED."""
    values: dict[str, Any] = {
        "request_id": REQUEST_ID,
        "publisher_id": "contoso",
        "offer_id": "contoso-vm",
        "requested_at": REQUESTED,
        "now": REQUESTED + timedelta(minutes=5),
        "recipients": ("a@contoso.com", "b@contoso.com"),
        "target_operation_id": OPERATION_ID,
        **changes,
    }
    return Notice(**values)


def received(mail: EmailMessage) -> EmailMessage:
    """The mail as another program reads it."""
    message = message_from_bytes(mail.as_bytes(), policy=default_policy)
    assert isinstance(message, EmailMessage)
    return message


def text_of(shown: Notice) -> str:
    """Its text part."""
    part = received(render(shown, SENDER)).get_body(("plain",))
    assert part
    return str(part.get_content()).replace("\r\n", "\n")


def html_of(shown: Notice) -> str:
    """Its HTML part."""
    part = received(render(shown, SENDER)).get_body(("html",))
    assert part
    return str(part.get_content()).replace("\r\n", "\n")


def one_line(text: str) -> str:
    """Without line breaks and indents."""
    return " ".join(text.split())
