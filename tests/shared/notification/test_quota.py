"""How many mails may go, and when the next one may."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from shared.errors import MailDeferredError
from shared.notification.quota import Quota, QuotaGate, parse_quota

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINUTE, HOUR = 60.0, 3600.0


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)


def wait_of(gate: QuotaGate) -> float:
    """Try to send; 0 if it may, else the seconds to wait."""
    try:
        gate.enter()
    except MailDeferredError as error:
        return error.retry_after or -1
    return 0


def test_a_minute_has_room_again_when_its_first_mail_is_a_minute_old() -> None:
    clock = Clock()
    gate = QuotaGate(Quota(2, 100), clock)
    assert wait_of(gate) == 0
    clock.seconds = 20
    assert [wait_of(gate) for _ in range(3)] == [0, 40, 40]
    clock.seconds = 59
    assert wait_of(gate) == 1
    clock.seconds = 60
    assert [wait_of(gate), wait_of(gate)] == [0, 20]


def test_an_hour_has_room_again_when_its_first_mail_is_an_hour_old() -> None:
    clock = Clock()
    gate = QuotaGate(Quota(2, 3), clock)
    assert [wait_of(gate) for _ in range(3)] == [0, 0, MINUTE]
    clock.seconds = MINUTE
    assert [wait_of(gate) for _ in range(2)] == [0, HOUR - MINUTE]
    clock.seconds = HOUR
    assert [wait_of(gate) for _ in range(3)] == [0, 0, MINUTE]


def test_who_keeps_trying_never_sends_more_than_any_window_allows() -> None:
    clock, sent = Clock(), list[float]()
    random = Random(7)  # noqa: S311 - guards nothing
    quota = Quota(5, 17)
    gate = QuotaGate(quota, clock)
    while clock.seconds < 4 * HOUR:
        clock.seconds += random.choice([0, 0.5, 7, 400])
        if not wait_of(gate):
            sent.append(clock.seconds)
    for window, most in ((MINUTE, quota.per_minute), (HOUR, quota.per_hour)):
        assert max(sum(s <= t < s + window for t in sent) for s in sent) == most


def test_nothing_goes_while_the_service_asks_to_wait() -> None:
    clock = Clock()
    gate = QuotaGate(Quota(9, 9), clock)
    gate.close_for(90)
    gate.close_for(30)  # of another mail, whose answer came later
    assert wait_of(gate) == 90
    clock.seconds = 89
    assert wait_of(gate) == 1
    clock.seconds = 90
    assert wait_of(gate) == 0


def test_a_quota_may_have_more_in_a_minute_than_in_an_hour() -> None:
    gate = QuotaGate(Quota(10, 2), Clock())
    assert [wait_of(gate) for _ in range(3)] == [0, 0, HOUR]


@pytest.mark.parametrize("text", ["30/100", "1/1", "9999999/9999999"])
def test_a_quota_is_two_numbers(text: str) -> None:
    quota = parse_quota(text)
    assert f"{quota.per_minute}/{quota.per_hour}" == text


@pytest.mark.parametrize(
    "text", ["", "30", "0/1", "1/0", "-1/2", "1/2/3", "1 / 2", "a/b", "\u0661/2"]
)
def test_what_is_no_quota_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="as 30/100"):
        parse_quota(text)
