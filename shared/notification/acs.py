"""Sending by Azure Communication Services: what its answers mean for a mail that must not get lost.

It takes a mail for all recipients or for none, and says so at once; whether it reaches each of
them shows later, in the resource's delivery reports. That is as much as a mail server says, so the
mail counts as sent. A repetition carries the same operation id, by which the service knows it.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid4, uuid5

from shared.addresses import is_valid
from shared.errors import MailAnswerLostError, MailDeferredError, MailRefusedError
from shared.models import utc_now
from shared.notification.acs_client import AcsAnswer, AcsClient
from shared.notification.acs_resource import AcsResource
from shared.notification.quota import QuotaGate
from shared.notification.sender import Delivery

if TYPE_CHECKING:
    from email.message import EmailMessage

MAX_RECIPIENTS = 50
MAX_BYTES = 10 * 1024 * 1024
_OPERATION_NAMESPACE: Final = UUID("6f0c8a1e-7c0b-4f0e-9b53-2d1d5f6a9e44")
# The service writes these by itself, from what it is told beside them.
_NOT_PASSED_ON: Final = frozenset({"from", "to", "subject", "date", "mime-version"})
_ENDED_BADLY: Final = frozenset({"Failed", "Canceled"})
_REFUSED: Final = frozenset({400, 413, 422})
_UNTIL_ASKED_SECONDS = 60.0  # the shortest time that a quota counts


class AcsSender:
    """A ``Sender`` by one resource. Threads may share it, and have to for its quota to hold."""

    def __init__(
        self,
        resource: AcsResource,
        *,
        deadline_seconds: float = 120.0,
        clock: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = monotonic,
    ) -> None:
        """Nothing is connected yet.

        Args:
            resource: Where to hand mails over, as whom, and how many.
            deadline_seconds: The longest that one exchange may last; one send takes up no other
                after so long.
            clock: What the quota is counted by.
            monotonic: A clock in seconds that never goes back.
        """
        self._deadline_seconds = deadline_seconds
        self._monotonic = monotonic
        self._name = f"mail service {resource.endpoint}"
        self._client = AcsClient(resource, deadline_seconds=deadline_seconds)
        self._gate = QuotaGate(resource.quota, clock)

    def send(self, mail: "EmailMessage", recipients: Sequence[str]) -> Delivery:
        """Send to each recipient once, 50 at the most; see ``Sender``.

        Raises:
            MailDeferredError: Not tried since the quota is used up, no token, no connection, or a
                refusal for now; with what the service asks to wait.
            MailAnswerLostError: The answer did not come, or says that it was asked before.
            MailRefusedError: The service refuses this mail for good.
        """
        wanted = tuple(dict.fromkeys(recipients))
        usable = tuple(filter(is_valid, wanted))
        unusable = tuple(address for address in wanted if address not in usable)
        if not usable:
            return Delivery(refused=unusable)
        served, later = usable[:MAX_RECIPIENTS], usable[MAX_RECIPIENTS:]
        latest = self._monotonic() + self._deadline_seconds
        if self._is_taken(mail, served):
            return Delivery(accepted=served, deferred=later, refused=unusable)
        if len(served) == 1:
            return Delivery(deferred=later, refused=(*served, *unusable))
        # It refuses the whole mail for one address, and does not say which.
        delivery = self._one_by_one(mail, served, latest)
        return replace(
            delivery,
            deferred=(*delivery.deferred, *later),
            refused=(*delivery.refused, *unusable),
        )

    def log_in(self) -> None:
        """Ask about a mail that there is not, which only who may send is told.

        Raises:
            MailDeferredError: No token, no connection, or no access.
        """
        try:
            answer = self._client.look_up(str(uuid4()))
        except MailAnswerLostError as error:
            raise MailDeferredError(str(error)) from None
        if answer.status_code not in (200, 404):
            raise MailDeferredError(self._said("the login", answer))

    def _one_by_one(
        self, mail: "EmailMessage", recipients: tuple[str, ...], latest: float
    ) -> Delivery:
        """Each with a mail of its own; those whose turn does not come are deferred.

        Halving would find a wrong address in fewer mails, but get nowhere on a small quota.
        """
        accepted: list[str] = []
        refused: list[str] = []
        for address in recipients:
            if self._monotonic() >= latest:
                break
            try:
                is_taken = self._is_taken(mail, (address,))
            except MailRefusedError:
                is_taken = False
            except (MailDeferredError, MailAnswerLostError):
                if not accepted and not refused:
                    raise
                break
            (accepted if is_taken else refused).append(address)
        deferred = recipients[len(accepted) + len(refused) :]
        return Delivery(accepted=tuple(accepted), deferred=deferred, refused=tuple(refused))

    def _is_taken(self, mail: "EmailMessage", recipients: tuple[str, ...]) -> bool:
        """Hand it over; False if there is an address that the service does not take."""
        message = _message(mail, recipients)
        written = json.dumps(message)
        if len(written) > MAX_BYTES:
            raise MailRefusedError(f"the mail is larger than {MAX_BYTES} bytes")
        self._gate.enter()
        # Of all that is sent, with the Message-ID in it: under an id that the service knows it
        # refuses another text, and that a mail of the same request says other words is no reason
        # for nobody to get it.
        answer = self._client.send(message, str(uuid5(_OPERATION_NAMESPACE, written)))
        if _is_about_address(answer):
            return False
        self._judge(answer)
        return True

    def _judge(self, answer: AcsAnswer) -> None:
        """Return if the mail was taken."""
        status, said = answer.status_code, self._said("the mail", answer)
        if status == 202 and answer.operation_state in _ENDED_BADLY:
            raise MailRefusedError(said)
        if status == 202:
            return
        if status == 409 or status // 100 == 2:
            raise MailAnswerLostError(said)
        if status in _REFUSED and not _is_about_sender(answer):
            raise MailRefusedError(said)
        asked = answer.retry_after
        if status == 429:
            asked = asked or _UNTIL_ASKED_SECONDS
        if asked:
            self._gate.close_for(asked)
        raise MailDeferredError(said, retry_after=asked or None)

    def _said(self, what: str, answer: AcsAnswer) -> str:
        words = (str(answer.status_code), answer.operation_state, answer.code, answer.said)
        return f"{self._name} answered {what}: {' '.join(filter(None, words))}"


def _message(mail: "EmailMessage", recipients: Sequence[str]) -> dict[str, Any]:
    """The mail as the API has it; the same mail gives the same, whenever it was written."""
    senders = [named.addr_spec for named in mail["From"].addresses] if mail["From"] else []
    if len(senders) != 1 or not is_valid(senders[0]):
        raise MailDeferredError("the mail's sender is not a bare e-mail address")
    content = {"subject": str(mail["Subject"] or ""), "plainText": _part(mail, "plain")}
    if html := _part(mail, "html"):
        content["html"] = html
    return {
        "senderAddress": senders[0],
        "recipients": {"to": [{"address": address} for address in recipients]},
        "content": content,
        "headers": {name: str(value) for name, value in mail.items() if _is_passed_on(name)},
        # It would lead links in the mail around by Azure.
        "userEngagementTrackingDisabled": True,
    }


def _part(mail: "EmailMessage", kind: str) -> str:
    part = mail.get_body((kind,))
    return str(part.get_content()) if part else ""


def _is_passed_on(name: str) -> bool:
    return name.lower() not in _NOT_PASSED_ON and not name.lower().startswith("content-")


def _is_about_address(answer: AcsAnswer) -> bool:
    """Whether it is one of the recipients that it does not take."""
    said = f"{answer.code} {answer.said}".lower().replace(" ", "")
    is_refusal = answer.status_code in _REFUSED and not _is_about_sender(answer)
    return is_refusal and "emailaddress" in said


def _is_about_sender(answer: AcsAnswer) -> bool:
    """Whether not the mail is wrong but who it comes from, which a person can mend."""
    return any(sign in answer.code.lower() for sign in ("sender", "domain"))
