import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.telemetry import LOGGER_NAME, MAX_DETAIL_CHARACTERS, event, without_secrets
from shared.tracing import working_on

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
SECRETS = {
    "an address": ("mail to some.one+tag@contoso.com now", "some.one"),
    "an address in brackets": ("<some.one@contoso.com>", "some.one"),
    "an address in quotes": ("it's 'some.one@contoso.com'", "some.one"),
    "an address without a dot": ("some.one@localhost", "some.one"),
    "a list of addresses": ("some.one@a.com,some.one@b.com;some.one@c.com", "some.one"),
    "a bearer token": ("Authorization: Bearer abc123def", "abc123def"),
    "a bearer token in lower case": ("authorization: bearer\tabc123def", "abc123def"),
    "a JWT": (f"token={TOKEN}!", "eyJ"),
    "a JWT in JSON": (json.dumps({"access_token": TOKEN}), "eyJ"),
    "a JWT in a URL": (f"https://a.example/?t={TOKEN}&u=1", "eyJ"),
}


@pytest.fixture(autouse=True)
def _every_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, LOGGER_NAME)


def last(caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    found = json.loads(caplog.messages[-1])
    assert isinstance(found, dict)
    return found


def test_an_event_is_one_line_of_json_with_its_request(caplog: pytest.LogCaptureFixture) -> None:
    event("polled", request_id="r1", poll=3, state="running")
    line = last(caplog)
    time = datetime.fromisoformat(line.pop("time"))
    assert abs(time - datetime.now(UTC)) < timedelta(seconds=10)
    assert line == {
        "event": "polled",
        "level": "info",
        "requestId": "r1",
        "poll": 3,
        "state": "running",
    }


def test_an_event_belongs_to_the_request_that_is_worked_on_unless_another_is_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with working_on("r1", None):
        event("location-refused")
        assert last(caplog)["requestId"] == "r1"
        event("polled", request_id="r2")
        assert last(caplog)["requestId"] == "r2"
    event("poller-run")
    assert "requestId" not in last(caplog)


@pytest.mark.parametrize("level", [logging.INFO, logging.WARNING, logging.ERROR])
def test_the_level_is_that_of_the_log_record(level: int, caplog: pytest.LogCaptureFixture) -> None:
    event("happened", level=level)
    assert caplog.records[-1].levelno == level
    assert last(caplog)["level"] == logging.getLevelName(level).lower()


def test_what_is_empty_is_left_out_but_not_zero_and_false(
    caplog: pytest.LogCaptureFixture,
) -> None:
    event("happened", none=None, text="", items=[], zero=0, no=False, half=0.5)
    assert last(caplog).keys() - {"time"} == {"event", "level", "zero", "no", "half"}


@pytest.mark.parametrize(("text", "secret"), SECRETS.values(), ids=SECRETS)
def test_addresses_and_tokens_never_get_into_a_line(
    text: str, secret: str, caplog: pytest.LogCaptureFixture
) -> None:
    event("happened", detail=text, many=[text, (text,)], error=ValueError(text))
    assert secret in text
    assert secret not in caplog.messages[-1]
    assert "<hidden>" in caplog.messages[-1]


@pytest.mark.parametrize(
    "text",
    ["403 Forbidden", "operation 56615b67-2185-49fe-80d2-c4ddf77bb2e8", "at $.offerId", "a @ b"],
)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert without_secrets(text) == text


BREAKS = "\n\r\x00\x0b\x0c\x1b\x85\u2028\u2029"


def test_a_line_break_in_a_detail_starts_no_new_line(caplog: pytest.LogCaptureFixture) -> None:
    hostile = f'x{BREAKS}{{"event":"outcome-found"}}'
    event("happened", request_id=hostile, detail=hostile)
    assert len(caplog.messages[-1].splitlines()) == 1
    assert caplog.messages[-1].isascii()
    assert last(caplog)["detail"] == hostile
    assert last(caplog)["event"] == "happened"


def test_long_text_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    event("happened", detail="x" * 1_000_000)
    assert len(last(caplog)["detail"]) == MAX_DETAIL_CHARACTERS


def test_half_a_surrogate_pair_is_made_a_question_mark() -> None:
    assert without_secrets("a\ud800b\udc00") == "a?b?"
    assert without_secrets("\U0001f600") == "\U0001f600"


@given(st.text(max_size=900), st.text())
def test_an_address_is_found_in_any_text(before: str, after: str) -> None:
    hidden = without_secrets(f"{before} someone@contoso.com {after}")
    assert "someone@" not in hidden
    assert "@contoso.com" not in hidden
    assert hidden.encode()
