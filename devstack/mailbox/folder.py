"""Received mails as `.eml` files in a folder.

The envelope (who it was really delivered to) is no part of a mail, so it is kept in a header on
top of the file, `X-Envelope`, which is taken off again when the mail is read.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from threading import Lock

_ENVELOPE = "X-Envelope"


@dataclass(frozen=True)
class ReceivedMail:
    """One mail as it was received."""

    number: int
    received_at: datetime
    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage
    path: Path

    @property
    def subject(self) -> str:
        """The subject, decoded."""
        return str(self.message["Subject"] or "")

    @property
    def text(self) -> str:
        """The plain text part, empty if there is none."""
        part = self.message.get_body(preferencelist=("plain",))
        return str(part.get_content()) if part else ""


class MailFolder:
    """A folder of received mails, numbered in the order in which they came."""

    def __init__(self, path: Path) -> None:
        """Continues the numbers of what the folder holds already."""
        self.path = path
        self._lock = Lock()

    def keep(self, sender: str, recipients: tuple[str, ...], content: bytes) -> None:
        """Keeps a mail; readers never see half of one."""
        envelope = {"from": sender, "to": recipients, "at": datetime.now(UTC).isoformat()}
        with self._lock:
            self.path.mkdir(parents=True, exist_ok=True)
            number = max((_number(path) for path in self._files()), default=0) + 1
            part = self.path / f"{number:04d}.part"
            part.write_bytes(f"{_ENVELOPE}: {json.dumps(envelope)}\r\n".encode() + content)
            part.rename(part.with_suffix(".eml"))

    def mails(self) -> list[ReceivedMail]:
        """Every mail, the first received first."""
        return [_read(path) for path in sorted(self._files(), key=_number)]

    def _files(self) -> list[Path]:
        return [path for path in self.path.glob("*.eml") if path.stem.isdecimal()]


def _number(path: Path) -> int:
    return int(path.stem)


def _read(path: Path) -> ReceivedMail:
    top, _, content = path.read_bytes().partition(b"\r\n")
    envelope = json.loads(top.removeprefix(f"{_ENVELOPE}: ".encode()))
    return ReceivedMail(
        number=_number(path),
        received_at=datetime.fromisoformat(envelope["at"]),
        sender=envelope["from"],
        recipients=tuple(envelope["to"]),
        message=message_from_bytes(content, EmailMessage, policy=policy.default),
        path=path,
    )
