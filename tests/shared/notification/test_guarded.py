"""When a mail may be sent, by what is known of the mail server."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest

from shared.errors import (
    MailAnswerLostError,
    MailBusyError,
    MailDeferredError,
    MailError,
    MailRefusedError,
)
from shared.notification.guarded import FAILURES_IN_A_ROW, TRY_EVERY, GuardedSender, Traffic
from shared.notification.sender import Delivery

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MOST = 4
A = "a@contoso.com"
INSTANT = timedelta(microseconds=1)


def failing(under_way: int = 0, *, since: timedelta = TRY_EVERY) -> Traffic:
    return Traffic(under_way, FAILURES_IN_A_ROW, NOW - since)


@pytest.mark.parametrize(
    "traffic",
    [
        Traffic(),
        Traffic(MOST - 1),
        Traffic(MOST - 1, FAILURES_IN_A_ROW - 1, NOW),
        failing(),
    ],
    ids=str,
)
def test_it_may_be_sent(traffic: Traffic) -> None:
    traffic.check(MOST, NOW)


@pytest.mark.parametrize(
    ("traffic", "error"),
    [
        (Traffic(MOST), MailBusyError),
        (Traffic(MOST, FAILURES_IN_A_ROW - 1, NOW), MailBusyError),
        (failing(since=TRY_EVERY - INSTANT), MailDeferredError),
        (failing(MOST, since=TRY_EVERY - INSTANT), MailDeferredError),
        (failing(1), MailBusyError),
    ],
    ids=str,
)
def test_it_may_not_be_sent(traffic: Traffic, error: type[MailError]) -> None:
    with pytest.raises(error) as raised:
        traffic.check(MOST, NOW)
    assert type(raised.value) is error


class Scripted:
    """A sender that fails as it is told to, then delivers."""

    def __init__(self, *failures: Exception | None) -> None:
        self._failures = list(failures)
        self.tries = 0

    def send(self, mail: EmailMessage, recipients: Sequence[str]) -> Delivery:
        self.tries += 1
        failure = self._failures.pop(0) if self._failures else None
        if failure:
            raise failure
        return Delivery(deferred=tuple(recipients))


def tries_of(*failures: Exception | None, sends: int) -> int:
    """How often the server is tried by so many sends at one moment."""
    inner = Scripted(*failures)
    sender = GuardedSender(inner, most=1, clock=lambda: NOW)
    for _ in range(sends):
        try:
            sender.send(EmailMessage(), (A,))
        except (MailError, ValueError):
            continue
    return inner.tries


@pytest.mark.parametrize("error", [MailDeferredError, MailAnswerLostError])
def test_failures_in_a_row_stop_tries(error: type[MailError]) -> None:
    assert tries_of(*[error("no")] * 9, sends=9) == FAILURES_IN_A_ROW


ASKED_TO_WAIT = MailDeferredError("too many", retry_after=9)


@pytest.mark.parametrize(
    "end", [None, MailRefusedError("no"), ASKED_TO_WAIT, ValueError()], ids=repr
)
def test_whatever_else_comes_of_a_mail_stops_none_and_gives_its_place_back(
    end: Exception | None,
) -> None:
    failed = MailDeferredError("later")
    assert tries_of(*[failed, failed, end] * 3, sends=9) == 9


def test_a_service_that_says_when_to_come_again_is_not_in_trouble() -> None:
    assert tries_of(*[ASKED_TO_WAIT] * 9, sends=9) == 9


def test_one_that_gets_through_lets_everybody_try_again() -> None:
    time = [NOW]
    inner = Scripted(*[MailDeferredError("later")] * FAILURES_IN_A_ROW)
    sender = GuardedSender(inner, most=1, clock=lambda: time[0])
    for _ in range(FAILURES_IN_A_ROW + 1):
        with pytest.raises(MailDeferredError):
            sender.send(EmailMessage(), (A,))
    assert inner.tries == FAILURES_IN_A_ROW
    time[0] += TRY_EVERY
    for _ in range(5):
        sender.send(EmailMessage(), (A,))
    assert inner.tries == FAILURES_IN_A_ROW + 5
