"""Checks that everything the app needs can be had, without cancelling or mailing anything.

An expired secret is to be known before the night it is needed.
"""

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import msgspec

from shared import check_advice
from shared.errors import OfferCancelError, RefusedError
from shared.partner_center.protocol import PartnerCenter
from shared.telemetry import without_secrets

PROBE_OFFER = "offer-cancel-check"
MAIL_CHECK = "mail-login"


class Status(enum.StrEnum):
    """How a check ended."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found.

    Attributes:
        said: What was found, or what is wrong; free of addresses and secrets.
        mend: What to do about it; empty unless it failed.
    """

    name: str
    status: Status
    said: str
    mend: str = ""


class SkippedError(OfferCancelError):
    """There is nothing to check, or not enough is known for it; says why."""


@dataclass(frozen=True)
class Check:
    """One thing to try.

    Attributes:
        try_out: Tries it, and says what was found; any ``OfferCancelError`` is a failure.
        advice: What to do about an error.
    """

    name: str
    try_out: Callable[[], str]
    advice: Callable[[OfferCancelError], str]


def run_checks(checks: Iterable[Check]) -> list[CheckResult]:
    """Run them all, one after the other; nothing that goes wrong with one keeps the others."""
    return [_run(check) for check in checks]


def partner_center_checks(
    token: Callable[[], str],
    center: Callable[[], PartnerCenter],
    publisher_id: str,
    offer_id: str,
) -> tuple[Check, ...]:
    """A token, and one read of an offer. That it does not exist proves access as well.

    Args:
        token: Gets one.
        center: Gets the client.
        publisher_id: Whose offer to read; without one nothing is read.
        offer_id: Which one; empty for one that hardly exists.
    """

    def take_token() -> str:
        token()
        return "a token was issued"

    def read() -> str:
        if not publisher_id:
            raise SkippedError("no publisher to read is known: name one, or set ALLOWED_PUBLISHERS")
        name = f"{publisher_id}/{offer_id or PROBE_OFFER}"
        try:
            status = center().read_status(publisher_id, offer_id or PROBE_OFFER)
        except RefusedError as error:
            if error.status_code != 404:
                raise
            return f"{name}: no such offer, and access to say so"
        return f"{name}: {without_secrets(status.word)}"

    return (
        Check("partner-center-token", take_token, check_advice.for_token),
        Check("partner-center-read", read, check_advice.for_reading),
    )


def storage_checks(tries: Mapping[str, Callable[[], None]]) -> tuple[Check, ...]:
    """Reading and writing each queue, and the table.

    Args:
        tries: By the name of what is tried; each raises ``StorageUnavailableError``.
    """
    return tuple(
        Check(f"storage-{name}", _said(work, "can be read and written"), check_advice.for_storage)
        for name, work in tries.items()
    )


def mail_check(log_in: Callable[[], None]) -> Check:
    """Connecting to the mail server and logging in, without a mail."""
    return Check(MAIL_CHECK, _said(log_in, "the mail server lets us in"), check_advice.for_mail)


def trial_mail_check(send: Callable[[], None]) -> Check:
    """Sending a mail to somebody who is waiting for it."""
    found = "the mail server has taken a test mail; see whether it arrives"
    return Check("mail-test", _said(send, found), check_advice.for_mail)


def settings_checks(reads: Mapping[str, Callable[[], object]]) -> tuple[Check, ...]:
    """Reading the parts of the settings that no other check needs.

    Args:
        reads: By the name of the part; each raises ``ConfigurationError``.
    """
    return tuple(
        Check(f"settings-{name}", _said(read, "can be read"), check_advice.for_settings)
        for name, read in reads.items()
    )


def webhook_check(read: Callable[[], object]) -> Check:
    """Reading the secrets of webhooks' senders, before one of them finds that it is refused."""
    return Check("webhook-secrets", _said(read, "can be read"), check_advice.for_webhooks)


def _said(work: Callable[[], object], found: str) -> Callable[[], str]:
    def tried() -> str:
        work()
        return found

    return tried


def _run(check: Check) -> CheckResult:
    try:
        found = check.try_out()
    except SkippedError as why:
        return CheckResult(name=check.name, status=Status.SKIPPED, said=str(why))
    except OfferCancelError as error:
        return CheckResult(
            name=check.name,
            status=Status.FAILED,
            said=without_secrets(str(error)),
            mend=check.advice(error),
        )
    return CheckResult(name=check.name, status=Status.OK, said=found)
