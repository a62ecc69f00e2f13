from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.notification.phrasing import duration, moment, plain, short_name, shorten


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "less than a second"),
        (0, "less than a second"),
        (0.9, "less than a second"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (61, "1 minute 1 second"),
        (3600, "1 hour"),
        (3605, "1 hour"),
        (3665, "1 hour 1 minute"),
        (86400, "1 day"),
        (86400 * 2 + 3600 * 3 + 59, "2 days 3 hours"),
    ],
)
def test_a_duration_is_said_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert duration(timedelta(seconds=seconds)) == words


def test_a_moment_is_said_in_utc() -> None:
    there = timezone(timedelta(hours=2))
    assert moment(datetime(2026, 1, 2, 1, 4, 5, tzinfo=there)) == "2026-01-01 23:04:05 UTC"
    assert moment(datetime(2026, 1, 2, 1, 4, 5, 999, tzinfo=UTC)) == "2026-01-02 01:04:05 UTC"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two\r\nlines\tand  spaces", "two lines and spaces"),
        ("\x1b[31mred\x07\x00", "[31mred"),
        ("safe\u202egnp.exe\u202c", "safegnp.exe"),
        ("\u2066a\u2069\u200b\ufeff\u2028b", "a b"),
        ("\ud800lone\uffff\U000e0041", "lone"),
        ("\u00dcn\u00efc\u00f6de \u539f\u56e0", "\u00dcn\u00efc\u00f6de \u539f\u56e0"),
        ("", ""),
    ],
)
def test_text_from_outside_is_one_line_of_what_can_be_seen(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_very_long_text_is_cut() -> None:
    assert plain("x" * 5000) == "x" * 1997 + "..."


@pytest.mark.parametrize(
    ("text", "limit", "short"),
    [
        ("0123456789", 10, "0123456789"),
        ("0123456789A", 10, "0123...89A"),
        ("0123456789A", 9, "012...89A"),
    ],
)
def test_what_is_too_long_loses_its_middle(text: str, limit: int, short: str) -> None:
    assert shorten(text, limit) == short


@pytest.mark.parametrize("publisher", ["p", "p" * 20, "p" * 50])
@pytest.mark.parametrize("offer", ["o", "o" * 20, "o" * 50])
@pytest.mark.parametrize("limit", [20, 30, 78])
def test_a_short_name_uses_the_room_it_has(publisher: str, offer: str, limit: int) -> None:
    name = short_name(publisher, offer, limit)
    assert len(name) == min(limit, len(publisher) + len(offer) + 1)


def test_a_short_name_has_nothing_but_printable_ascii() -> None:
    assert short_name("a b\r\nBcc:x", "\u00fc\u202e", 40) == "a?b??Bcc:x/??"
