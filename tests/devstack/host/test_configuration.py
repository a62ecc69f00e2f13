from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from devstack.host.errors import AppConfigurationError
from devstack.host.function_json import QueueTrigger, read_functions
from devstack.host.host_json import read_host_json
from devstack.host.schedule import Schedule
from tests.devstack.host.sample_apps import (
    HTTP_ANSWER,
    STORAGE_SETTING,
    http_trigger,
    queue_trigger,
    timer_trigger,
    write_app,
    write_function,
)

SETTINGS = {STORAGE_SETTING: "UseDevelopmentStorage=true"}


def test_host_json_has_the_defaults_of_azure(app: Path) -> None:
    configuration = read_host_json(app)

    assert configuration.route_prefix == "api"
    assert configuration.function_timeout == timedelta(minutes=30)
    assert configuration.queues.batch_size == 16
    assert configuration.queues.new_batch_threshold == 8
    assert configuration.queues.concurrency == 24
    assert configuration.queues.visibility_timeout == timedelta(0)
    assert configuration.queues.max_polling_interval == timedelta(minutes=1)
    assert configuration.queues.max_dequeue_count == 5
    assert configuration.queues.message_encoding == "base64"


def test_every_option_of_host_json_is_read(tmp_path: Path) -> None:
    queues = {
        "batchSize": 4,
        "newBatchThreshold": 0,
        "visibilityTimeout": "00:00:30",
        "maxPollingInterval": "1.00:00:02.5",
        "maxDequeueCount": 3,
        "messageEncoding": "none",
    }
    configuration = read_host_json(write_app(tmp_path, queues=queues, functionTimeout="00:10:00"))

    assert configuration.function_timeout == timedelta(minutes=10)
    assert configuration.queues.new_batch_threshold == 0
    assert configuration.queues.max_polling_interval == timedelta(days=1, seconds=2.5)
    assert configuration.queues.message_encoding == "none"


def test_a_function_timeout_of_minus_one_is_unlimited(tmp_path: Path) -> None:
    assert read_host_json(write_app(tmp_path, functionTimeout="-1")).function_timeout is None


@pytest.mark.parametrize(
    ("queues", "complaint"),
    [
        ({"batchSize": 33}, "<= 32"),
        ({"batchsize": 1}, "unknown field `batchsize`"),
        ({"messageEncoding": "utf-8"}, "utf-8"),
        ({"visibilityTimeout": "30"}, "'30' is not a duration"),
        ({"maxDequeueCount": 0}, ">= 1"),
    ],
)
def test_a_wrong_queue_option_is_named(
    tmp_path: Path, queues: Mapping[str, object], complaint: str
) -> None:
    with pytest.raises(AppConfigurationError, match=r"host\.json: .*" + complaint):
        read_host_json(write_app(tmp_path, queues=queues))


@pytest.mark.parametrize(
    ("bindings", "complaint"),
    [
        ([], "exactly one trigger, has 0"),
        ([timer_trigger("0 * * * * *")] * 2, "exactly one trigger, has 2"),
        ([{"type": "blobTrigger", "name": "blob"}], "'blobTrigger', which the local host"),
        (
            [queue_trigger("jobs"), {"type": "queue", "name": "out", "direction": "out"}],
            "binding 'out' has type 'queue'",
        ),
        ([http_trigger()], "needs one binding of type 'http'"),
        ([http_trigger(), HTTP_ANSWER | {"name": "res"}], "'res': .*'\\$return' only"),
        ([queue_trigger("jobs"), HTTP_ANSWER], "other triggers have none"),
        ([http_trigger() | {"direction": "inout"}, HTTP_ANSWER], "direction 'inout'"),
        ([http_trigger("a/{id:int}"), HTTP_ANSWER], "not '{id:int}'"),
        ([http_trigger("a/{*rest}"), HTTP_ANSWER], r"not '{\*rest}'"),
        ([queue_trigger("Jobs_1")], "'jobs_1' is not a queue name"),
        ([queue_trigger("%JOBS%")], "setting JOBS has no value"),
        ([queue_trigger("jobs") | {"connection": "Other"}], "setting Other is missing"),
        ([queue_trigger("jobs") | {"connection": "Broken"}], "setting Broken holds no valid"),
        (
            [queue_trigger("jobs") | {"connection": "Keyless"}],
            "Keyless__queueServiceUri asks for an identity-based connection",
        ),
        ([queue_trigger("jobs") | {"dataType": "binary"}], "binary"),
        ([{"type": "queueTrigger", "name": "msg"}], "binding 'msg' has no queueName"),
        ([timer_trigger("%EVERY%")], "setting EVERY has no value"),
        ([timer_trigger("*/5 * * * *")], r"'\*/5 \* \* \* \*' is not NCRONTAB"),
        ([timer_trigger("0 0 0 * * *") | {"runOnStartup": True}], "runOnStartup"),
    ],
)
def test_a_function_that_the_host_cannot_run_is_refused_by_name(
    app: Path, bindings: list[dict[str, Any]], complaint: str
) -> None:
    write_function(app, "Odd", *bindings)
    settings = SETTINGS | {"Broken": "secret", "Keyless__queueServiceUri": "https://a.example"}

    with pytest.raises(AppConfigurationError, match=rf"Odd/function\.json: .*{complaint}"):
        read_functions(app, settings)


def test_retry_policies_are_refused(app: Path) -> None:
    write_function(app, "Odd", timer_trigger("0 * * * * *"), retry={"strategy": "fixedDelay"})

    with pytest.raises(AppConfigurationError, match="retry"):
        read_functions(app, {})


def test_an_invalid_connection_string_is_not_repeated(app: Path) -> None:
    write_function(app, "Odd", queue_trigger("jobs"))

    with pytest.raises(AppConfigurationError) as caught:
        read_functions(app, {STORAGE_SETTING: "AccountKey=secret"})
    assert "secret" not in str(caught.value)


def test_settings_are_resolved_within_names(app: Path) -> None:
    write_function(app, "Work", queue_trigger("%Prefix%-Jobs"))

    [function] = read_functions(app, SETTINGS | {"Prefix": "my"})

    assert isinstance(function.trigger, QueueTrigger)
    assert function.trigger.queue_name == "my-jobs"


@pytest.mark.parametrize(
    ("disabled", "settings"),
    [
        (True, {}),
        ("OFF", {"OFF": "1"}),
        ("%OFF%", {"OFF": "true"}),
        (False, {"AzureWebJobs.Idle.Disabled": "True"}),
    ],
)
def test_a_disabled_function_is_left_out(
    app: Path, disabled: bool | str, settings: Mapping[str, str]
) -> None:
    write_function(app, "Busy", timer_trigger("0 * * * * *"))
    write_function(app, "Idle", timer_trigger("0 * * * * *"), disabled=disabled)

    assert [function.name for function in read_functions(app, settings)] == ["Busy"]


@pytest.mark.parametrize(
    ("expression", "after", "occurrence"),
    [
        ("*/15 * * * * *", "2025-01-01T00:00:01", "2025-01-01T00:00:15"),
        ("5 4 3 * * *", "2025-01-01T03:04:05", "2025-01-02T03:04:05"),
        ("0 0 9 * * MON-FRI", "2025-01-03T10:00:00", "2025-01-06T09:00:00"),
        ("0 0 0 13 * 5", "2025-01-01T00:00:00", "2025-06-13T00:00:00"),
        ("0 5/20 * * jan,feb *", "2025-01-01T00:06:00", "2025-01-01T00:25:00"),
    ],
)
def test_schedules_are_read_seconds_first_and_days_must_fit_both_fields(
    expression: str, after: str, occurrence: str
) -> None:
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)

    assert Schedule(expression).next_after(moment).isoformat() == f"{occurrence}+00:00"


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "* * * * *",
        "00:00:30",
        "60 * * * * *",
        "0 0 0 L * *",
        "0 0 0 ? * MON",
        "H * * * * *",
        "0 0 0 * * 5#2",
        "0 0 0 30 2 *",
        "@hourly",
        "* * * * * * 2030",
    ],
)
def test_what_azure_does_not_take_as_a_schedule_is_refused(expression: str) -> None:
    with pytest.raises(AppConfigurationError, match="not NCRONTAB"):
        Schedule(expression)
