import json
import logging

import pytest

from shared.errors import ConfigurationError, StorageUnavailableError
from shared.http_answers import RETRY_AFTER_SECONDS, HttpAnswer, ProblemError, answer
from shared.telemetry import LOGGER_NAME


def failing(error: Exception) -> HttpAnswer:
    def serve() -> HttpAnswer:
        raise error

    return answer(serve)


def test_an_answer_passes_as_it_is() -> None:
    given = HttpAnswer(202, {"id": "1", "message": "\uffff\n"}, {"Location": "/a"})
    found = answer(lambda: given)
    assert found is given
    assert json.loads(found.body) == {"id": "1", "message": "\uffff\n"}
    assert found.body.isascii()


@pytest.mark.parametrize(
    ("status", "headers"),
    [(400, {}), (403, {}), (409, {}), (413, {}), (415, {}), (503, {"Retry-After": "15"})],
)
def test_a_problem_is_partner_centers_error_envelope(status: int, headers: dict[str, str]) -> None:
    found = failing(ProblemError(status, "SomeCode", "What is wrong."))
    assert found.status_code == status
    assert json.loads(found.body) == {"error": {"code": "SomeCode", "message": "What is wrong."}}
    assert found.headers == headers
    assert RETRY_AFTER_SECONDS == 15


def test_wrong_settings_are_told_to_the_log_and_not_to_the_caller(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, LOGGER_NAME)
    found = failing(ConfigurationError("Storage", ("A is missing", "B is wrong")))
    assert (found.status_code, found.headers) == (503, {"Retry-After": "15"})
    assert b"Storage settings" in found.body
    assert b"missing" not in found.body
    line = json.loads(caplog.messages[-1])
    assert (line["event"], line["part"]) == ("settings-unusable", "Storage")
    assert line["problems"] == ["A is missing", "B is wrong"]
    assert caplog.records[-1].levelno == logging.ERROR


@pytest.mark.parametrize(
    "error", [RuntimeError("hunter2"), StorageUnavailableError("hunter2"), KeyError("hunter2")]
)
def test_a_crash_is_told_to_the_log_and_not_to_the_caller(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, LOGGER_NAME)
    found = failing(error)
    assert found.status_code == 500
    assert json.loads(found.body)["error"]["code"] == "InternalServerError"
    assert b"hunter2" not in found.body
    assert b"Traceback" not in found.body
    line = json.loads(caplog.messages[-1])
    assert (line["event"], line["level"]) == ("request-crashed", "error")
    assert "hunter2" in line["reason"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_a_stop_of_the_process_is_not_answered(stop: type[BaseException]) -> None:
    def serve() -> HttpAnswer:
        raise stop

    with pytest.raises(stop):
        answer(serve)
