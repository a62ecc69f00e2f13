"""What the client makes of the headers of an answer: waiting, clocks and locations."""

from datetime import timedelta
from email.utils import format_datetime

import pytest

from shared.errors import TransientError
from tests.integration.answered import (
    ID,
    NOW,
    OFFER,
    PATH,
    VERSION,
    answered,
    as_json,
    client_of,
    failure_of,
)
from tests.integration.raw_server import ScriptedHttp, http_answer

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        ("  7 ", 7),
        ("901", 900),
        ("9" * 400, 900),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
        (format_datetime(NOW + timedelta(days=400), usegmt=True), 900),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0),
        ("Saturday, 21-Nov-26 12:01:30 GMT", 90),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("\u0663", None),
        ("", None),
        ("Sat, 32 Nov 2026 12:00:00 GMT", None),
    ],
    ids=lambda value: str(value)[:20],
)
def test_retry_after_is_read_as_seconds_and_as_a_date(value: str, seconds: float | None) -> None:
    answer = http_answer(429, Retry_After=value)
    error = failure_of("list_operations", answer)
    assert isinstance(error, TransientError)
    assert error.retry_after == seconds
    taken = answered("cancel", http_answer(202, Retry_After=value))
    assert taken.retry_after == seconds


@pytest.mark.parametrize("offset", [-86400, -600, 0, 600, 86400])
def test_times_come_on_our_own_clock(offset: float) -> None:
    theirs = NOW + timedelta(seconds=offset)
    operation = {
        "id": ID,
        "status": "canceled",
        "createdDateTime": (theirs - timedelta(seconds=60)).isoformat(),
        "lastActionDateTime": (theirs - timedelta(seconds=30)).replace(tzinfo=None).isoformat(),
    }
    date = format_datetime(theirs, usegmt=True)
    [found] = answered("list_operations", http_answer(200, as_json([operation]), Date=date))
    assert found.started_at == NOW - timedelta(seconds=60)
    assert found.ended_at == NOW - timedelta(seconds=30)
    wait = http_answer(
        503, Date=date, Retry_After=format_datetime(theirs + timedelta(seconds=90), usegmt=True)
    )
    error = failure_of("list_operations", wait)
    assert isinstance(error, TransientError)
    assert error.retry_after == 90


@pytest.mark.parametrize("date", ["", "yesterday", "Sat, 99 Nov 2026 12:00:00 GMT"])
def test_without_a_readable_date_the_clocks_are_taken_for_one(date: str) -> None:
    operation = {"id": ID, "status": "running", "createdDateTime": NOW.isoformat()}
    [found] = answered("list_operations", http_answer(200, as_json([operation]), Date=date))
    assert found.started_at == NOW


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"LOCATION": PATH + VERSION}, b""),
        ({"location": PATH}, b""),
        ({"operation-location": PATH}, b""),
        ({"Location": PATH, "Operation_Location": "/api/elsewhere"}, b'{"location": "x"}'),
        ({}, as_json({"location": PATH})),
        ({}, as_json({"operationLocation": PATH})),
        ({}, as_json({"operation-location": PATH})),
        ({}, as_json({"operationId": ID.upper()})),
        ({}, as_json({"id": ID, "location": ""})),
    ],
    ids=str,
)
def test_a_location_is_found_wherever_the_answer_has_it(
    headers: dict[str, str], body: bytes
) -> None:
    assert answered("cancel", http_answer(202, body, **headers)).location == PATH + VERSION


def test_an_absolute_location_of_the_same_origin_is_made_relative() -> None:
    with ScriptedHttp() as server:
        server.answer(http_answer(202, Operation_Location=server.url + PATH))
        assert client_of(server).cancel(*OFFER, "").location == PATH + VERSION


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b""),
        ({}, b"<html>"),
        ({}, as_json([PATH])),
        ({}, as_json({"location": 5, "id": {"a": 1}})),
        ({"Location": "https://cloudpartner.azure.com" + PATH}, b""),
        ({"Location": "//elsewhere.example" + PATH}, b""),
        ({"Location": " " + PATH + " x"}, b""),
        ({"Location": PATH + "/../../x"}, b""),
        ({"Location": PATH.replace("contoso/", "fabrikam/", 1)}, b""),
    ],
    ids=str,
)
def test_a_location_that_cannot_be_used_is_none(headers: dict[str, str], body: bytes) -> None:
    assert answered("cancel", http_answer(202, body, **headers)).location is None
