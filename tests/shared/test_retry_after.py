"""How long the other side asks to wait, whatever it writes."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.retry_after import retry_after_seconds

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
AHEAD = timedelta(minutes=10)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        (" 0 ", 0),
        ("99999999999999", 999999999),
        ("Sat, 21 Nov 2026 12:01:30 GMT", 90),
        ("Sat, 21 Nov 2026 13:01:30 +0100", 90),
        ("Sat, 21 Nov 2026 12:01:30", 90),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0),
        ("Mon, 01 Jan 0001 00:00:00 +1400", 0),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("\u0661", None),
        ("Sat, 99 Nov 2026 12:01:30 GMT", None),
    ],
)
def test_a_number_or_a_date_is_seconds_and_all_else_is_nothing(
    value: str, seconds: float | None
) -> None:
    assert retry_after_seconds(value, NOW) == seconds


def test_a_date_is_on_the_clock_of_who_wrote_it() -> None:
    assert retry_after_seconds("Sat, 21 Nov 2026 12:11:00 GMT", NOW, AHEAD) == 60
    assert retry_after_seconds("60", NOW, AHEAD) == 60
