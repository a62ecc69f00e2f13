"""Events that figures are made of: trouble with Partner Center, and how long things took."""

import json
import logging
from typing import Any

import pytest

from shared.errors import NoTokenError, PartnerCenterError
from shared.partner_center.client import CloudPartnerPortal
from shared.telemetry import LOGGER_NAME
from shared.tracing import working_on
from tests.integration.answered import OFFER, answered, failure_of
from tests.integration.raw_server import http_answer
from tests.integration.stage import Stage

pytestmark = pytest.mark.integration

REFUSAL = b'{"error": {"code": "Forbidden", "message": "not yours"}}'


class NoTokens:
    def current(self) -> str:
        raise NoTokenError("no token for Partner Center: AADSTS7000222: the secret has expired")

    def renewed(self, refused: str) -> str | None:
        raise NotImplementedError


@pytest.fixture(autouse=True)
def _every_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOGGER_NAME)


def told(caplog: pytest.LogCaptureFixture, name: str) -> list[dict[str, Any]]:
    events = [json.loads(text) for text in caplog.messages if text.startswith("{")]
    return [event for event in events if event["event"] == name]


@pytest.mark.parametrize("method", ["list_operations", "read_status", "cancel"])
@pytest.mark.parametrize("status", [401, 403, 429, 503])
def test_an_answer_that_is_no_answer_is_told_once_with_its_status(
    method: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    with working_on("r1", None):
        failure_of(method, http_answer(status, REFUSAL))
    [event] = told(caplog, "partner-center-failed")
    assert (event["status"], event["code"], event["requestId"]) == (status, "Forbidden", "r1")
    assert event["level"] == "warning"
    assert "tokenMissing" not in event


@pytest.mark.parametrize("answer", [b"", http_answer(200, b"<html>"), http_answer(206, b"[]")])
def test_no_answer_and_one_that_cannot_be_read_are_told_once(
    answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    error = failure_of("read_status", answer)
    [event] = told(caplog, "partner-center-failed")
    assert event.get("status") == error.status_code
    assert event["reason"] == str(error)


def test_that_there_is_no_token_is_told_as_that(caplog: pytest.LogCaptureFixture) -> None:
    portal = CloudPartnerPortal("http://127.0.0.1:9", NoTokens())
    with pytest.raises(PartnerCenterError):
        portal.read_status(*OFFER)
    [event] = told(caplog, "partner-center-failed")
    assert event["tokenMissing"] is True
    assert "AADSTS7000222" in event["reason"]


@pytest.mark.parametrize("status", [400, 404])
def test_a_path_that_is_gone_is_no_trouble(status: int, caplog: pytest.LogCaptureFixture) -> None:
    assert answered("list_operations", http_answer(status, b"{}")) is None
    assert not told(caplog, "partner-center-failed")


def test_an_outcome_tells_how_long_after_the_request_and_after_the_end_it_was_found(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.given("cancels-after-202", cancel_seconds=100)
    request_id = stage.ask()
    row = stage.play_out(request_id)
    assert row.outcome
    assert row.outcome.ended_at
    [found] = told(caplog, "outcome-found")
    [mailed] = told(caplog, "mail-sent")
    from_request = (row.outcome.at - row.requested_at).total_seconds()
    from_end = (row.outcome.at - row.outcome.ended_at).total_seconds()
    assert found["secondsFromRequest"] == pytest.approx(from_request, abs=0.1)
    assert found["secondsFromRequest"] > 100
    assert found["secondsFromEnd"] == pytest.approx(from_end, abs=0.1)
    assert 0 <= found["secondsFromEnd"] < 60
    assert mailed["secondsFromEnd"] == pytest.approx(from_end, abs=1)
    assert mailed["secondsFromRequest"] == pytest.approx(from_request, abs=1)
