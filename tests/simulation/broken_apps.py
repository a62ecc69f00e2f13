"""The app, broken on purpose: each part lies in one way, and the oracle has to notice."""

from dataclasses import dataclass, replace
from email.message import EmailMessage
from typing import Any

from msgspec.structs import replace as with_fields

from shared.errors import RowConflictError, TransientError
from shared.models import Operation, OperationState, PendingCancellation, from_json, to_json
from shared.notification.sender import Delivery
from shared.partner_center.protocol import CancelAnswer
from shared.record import CancellationRecord, Mail
from tests.simulation.app import Parts
from tests.simulation.portal import TOKEN
from tests.simulation.world import Tampering


@dataclass
class Instead:
    """A part of the app; what a subclass does not say, the real one does."""

    real: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


class ForgetsTheIntent(Instead):
    """A table on which no intent is ever written before the cancel call."""

    def replace(self, record: CancellationRecord) -> CancellationRecord:
        if record.history and record.history[-1].step == "cancel-sent":
            return record
        written: CancellationRecord = self.real.replace(record)
        return written


class LastWriteWins(Instead):
    """A table without versions."""

    def replace(self, record: CancellationRecord) -> CancellationRecord:
        try:
            written: CancellationRecord = self.real.replace(record)
        except RowConflictError:
            offer = record.publisher_id, record.offer_id
            current = self.real.get(*offer, record.request_id)
            written = self.real.replace(with_fields(record, etag=current.etag))
        return written


class InsertsAnew(Instead):
    """A table in which a row that is there is written over."""

    def insert(self, record: CancellationRecord) -> CancellationRecord:
        self.real.remove(record)
        written: CancellationRecord = self.real.insert(record)
        return written


class ForgetsWhatWasAsked(Instead):
    """A table that does not remember what was asked with a key."""

    def get(self, *named: str) -> CancellationRecord | None:
        found: CancellationRecord | None = self.real.get(*named)
        return found and with_fields(found, fingerprint="")


class ForgetsTheCancelCall(Instead):
    """A table that tells nobody that a cancel call was sent."""

    def get(self, *named: str) -> CancellationRecord | None:
        found: CancellationRecord | None = self.real.get(*named)
        return found and with_fields(found, post_sent_at=None, pending_queued=False)


class NeverMarksAsMailed(Instead):
    """A table in which no mail is ever recorded as sent, or as being sent."""

    def replace(self, record: CancellationRecord) -> CancellationRecord:
        if record.mail in (Mail.SENT, Mail.SENDING):
            record = with_fields(record, mail=Mail.NONE)
        written: CancellationRecord = self.real.replace(record)
        return written


class Trusts200(Instead):
    """A client that takes every answered read of an operation for its cancellation."""

    def read_location(self, *named: str) -> Operation | None:
        return _canceled(self.real.read_location(*named))

    def read_operation(self, *named: str) -> Operation | None:
        return _canceled(self.real.read_operation(*named))


class TellsNoTimes(Instead):
    """A client that does not say when operations started, so that every one is taken for meant."""

    def list_operations(self, *offer: str) -> tuple[Operation, ...] | None:
        listed: tuple[Operation, ...] | None = self.real.list_operations(*offer)
        return listed and tuple(with_fields(o, started_at=None) for o in listed)


class HidesWhatElseIsHit(Instead):
    """A queue whose messages never name what else was canceled."""

    def put(self, text: str, delay_seconds: float = 0) -> None:
        self.real.put(_hiding(text), delay_seconds)

    def update(self, message: Any, text: str, delay_seconds: float) -> Any:
        return self.real.update(message, _hiding(text), delay_seconds)


class LosesWhatIsPutBack(Instead):
    """A queue to which only callers can add."""

    def put(self, text: str, delay_seconds: float = 0) -> None:
        if '"lastError"' not in text:
            self.real.put(text, delay_seconds)


class DeletesOnReceive(Instead):
    """A queue that gives each message once."""

    def receive(self, most: int, lease_seconds: float) -> list[Any]:
        received: list[Any] = self.real.receive(most, lease_seconds)
        for message in received:
            self.real.delete(message)
        return received


class MailsTwice(Instead):
    """A sender that makes sure."""

    def send(self, mail: EmailMessage, recipients: tuple[str, ...]) -> Delivery:
        self.real.send(mail, recipients)
        delivery: Delivery = self.real.send(mail, recipients)
        return delivery


class MailsNobody(Instead):
    """A sender that throws mails away."""

    def send(self, mail: EmailMessage, recipients: tuple[str, ...]) -> Delivery:
        return Delivery(accepted=recipients)


class LosesPoison(Instead):
    """A poison queue on which nothing arrives."""

    def put(self, text: str, delay_seconds: float = 0) -> None:
        """Throw it away."""


class KeepsDigestsToItself(Instead):
    """A sender that throws away what is for the people who run the app."""

    def send(self, mail: EmailMessage, recipients: tuple[str, ...]) -> Delivery:
        if mail["X-Offer-Cancel-Request"] is None:
            return Delivery(accepted=recipients)
        delivery: Delivery = self.real.send(mail, recipients)
        return delivery


class ForgetsWhatItReplaces(Instead):
    """A table that does not remember the mail that the next one replaces."""

    def replace(self, record: CancellationRecord) -> CancellationRecord:
        written: CancellationRecord = self.real.replace(with_fields(record, replaces=None))
        return written


class FollowsEveryLocation(Instead):
    """A client that polls whatever path it is given."""

    def cancel(self, *call: str) -> CancelAnswer:
        answer: CancelAnswer = self.real.cancel(*call)
        return replace(answer, location="/api/publishers/somebody-else/offers/x/status")

    def read_location(self, publisher: str, offer: str, location: str) -> Operation | None:
        self.real._get(location)
        return None


class TellsItsToken(Instead):
    """A client whose errors quote what it has sent."""

    def list_operations(self, *offer: str) -> tuple[Operation, ...] | None:
        raise TransientError(f"Partner Center does not like {TOKEN}")


@dataclass
class CannotBeShared(Instead):
    """A sender that keeps its mail where every step of a run can change it."""

    mail: EmailMessage | None = None

    def send(self, mail: EmailMessage, recipients: tuple[str, ...]) -> Delivery:
        self.mail = mail
        self.real._boundaries.before_each()  # it is another step's turn
        delivery: Delivery = self.real.send(self.mail, recipients)
        return delivery


def broken(part: str, kind: type[Instead]) -> Tampering:
    """The app with a part of this kind in place of the real one."""

    def tampering(parts: Parts) -> Parts:
        changed: Any = {part: kind(getattr(parts, part))}
        return replace(parts, **changed)

    return tampering


def _canceled(read: Operation | None) -> Operation | None:
    return read and with_fields(read, state=OperationState.CANCELED)


def _hiding(text: str) -> str:
    pending = from_json(text, PendingCancellation)
    return to_json(with_fields(pending, newer_operations=(), also_canceled=()))
