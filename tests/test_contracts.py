"""Holds the files that the platform and people read to the code: a fact stands in one place."""

import ast
import importlib
import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import shared
from shared.callers import ANYBODY
from shared.errors import ConfigurationError
from shared.putting_back import LAST_TRY
from shared.queues import CANCEL_REQUESTS
from shared.settings import (
    PARTNER_CENTER_SCOPE,
    PARTNER_CENTER_URL,
    MailSettings,
    PartnerCenterSettings,
    PolicySettings,
    StorageSettings,
    WebhookSettings,
    callers_from_env,
)

ROOT = Path(__file__).resolve().parent.parent
HOST = json.loads((ROOT / "host.json").read_text())
EXAMPLE = json.loads((ROOT / "local.settings.example.json").read_text())["Values"]
FUNCTIONS = (
    "CancelHttpTrigger",
    "CancelQueueTrigger",
    "CancellationsHttpTrigger",
    "PollTimerTrigger",
    "StatusHttpTrigger",
    "WebhookHttpTrigger",
)
# Read by the host, not by the app.
OF_THE_HOST = {"POLL_SCHEDULE", "PYTHON_THREADPOOL_THREAD_COUNT"}
NOT_OF_THE_APP = {"AzureWebJobsStorage", "FUNCTIONS_WORKER_RUNTIME"}
# Set by Azure; or another way to reach storage, to authenticate, or to mail, than the example's.
NOT_IN_THE_EXAMPLE = {
    "WEBSITE_AUTH_ENABLED",
    "CancelStorage__queueServiceUri",
    "CancelStorage__tableServiceUri",
    "CancelStorage__credential",
    "CancelStorage__clientId",
    "PARTNER_CENTER_SCOPE",
    "PARTNER_CENTER_TENANT_ID",
    "PARTNER_CENTER_CLIENT_ID",
    "PARTNER_CENTER_CLIENT_SECRET",
    "PARTNER_CENTER_CERTIFICATE",
    "PARTNER_CENTER_CERTIFICATE_PATH",
    "PARTNER_CENTER_MANAGED_IDENTITY_CLIENT_ID",
    "NOTIFICATION_ACS_ENDPOINT",
    "NOTIFICATION_ACS_CLIENT_ID",
    "NOTIFICATION_ACS_QUOTA",
}


class Recording(Mapping[str, str]):
    """Settings that are all missing, and a note of which were asked for."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def settings_read() -> set[str]:
    recording = Recording()
    parts: list[Callable[[Mapping[str, str]], Any]] = [
        StorageSettings.from_env,
        PolicySettings.from_env,
        PartnerCenterSettings.from_env,
        MailSettings.from_env,
        WebhookSettings.from_env,
        callers_from_env,
    ]
    for read in parts:
        with suppress(ConfigurationError):
            read(recording)
    return recording.asked


def settings_table() -> dict[str, str]:
    """The README's table: each setting's default, as it stands there."""
    text = (ROOT / "README.md").read_text()
    section = text[text.index("\n## Settings\n") :].split("\n## ", 2)[1]
    rows = re.findall(r"^\| `([A-Za-z_]+)` \|.*\| (.*?) \|$", section, re.MULTILINE)
    return dict(rows)


def bindings(function: str) -> list[dict[str, Any]]:
    described: dict[str, Any] = json.loads((ROOT / function / "function.json").read_text())
    assert (ROOT / function / described["scriptFile"]).is_file()
    found: list[dict[str, Any]] = described["bindings"]
    return found


def trigger(function: str) -> dict[str, Any]:
    return next(b for b in bindings(function) if b["type"].endswith("Trigger"))


def test_every_setting_that_the_code_reads_is_in_the_readme_and_no_other() -> None:
    assert settings_table().keys() == settings_read() | OF_THE_HOST


def test_the_example_has_every_setting_that_goes_with_the_local_stack() -> None:
    expected = (settings_read() | OF_THE_HOST | NOT_OF_THE_APP) - NOT_IN_THE_EXAMPLE
    assert EXAMPLE.keys() == expected


POLICY = {
    "NOTIFICATION_DELAY_MINUTES": ("notification_delay", timedelta(minutes=1)),
    "CANCEL_REQUEST_TTL_HOURS": ("request_ttl", timedelta(hours=1)),
    "CANCEL_CONFIRM_MINUTES": ("confirm_deadline", timedelta(minutes=1)),
    "RETRY_FIRST_SECONDS": ("retry_first", timedelta(seconds=1)),
    "SECOND_LOOK_SECONDS": ("second_look", timedelta(seconds=1)),
    "POLL_RUN_SECONDS": ("poll_run", timedelta(seconds=1)),
    "POLL_LEASE_SECONDS": ("poll_lease", timedelta(seconds=1)),
    "LEDGER_RETENTION_DAYS": ("retention", timedelta(days=1)),
}


@pytest.mark.parametrize("name", POLICY)
def test_the_readme_and_the_example_have_the_defaults_of_the_code(name: str) -> None:
    field, unit = POLICY[name]
    default = getattr(PolicySettings(), field)
    assert getattr(PolicySettings.from_env({}), field) == default
    assert float(settings_table()[name]) * unit == default
    assert float(EXAMPLE[name]) * unit == default


def test_the_readme_has_the_other_defaults_of_the_code() -> None:
    table = settings_table()
    assert table["POLL_CONCURRENCY"] == str(PolicySettings().poll_concurrency)
    assert table["PARTNER_CENTER_URL"] == f"`{PARTNER_CENTER_URL}`"
    assert table["PARTNER_CENTER_SCOPE"] == f"`{PARTNER_CENTER_SCOPE}`"


def test_the_example_is_usable_as_it_is() -> None:
    parts = (StorageSettings, PolicySettings, PartnerCenterSettings, MailSettings, WebhookSettings)
    for part in parts:
        part.from_env(EXAMPLE)
    assert callers_from_env(EXAMPLE) == ANYBODY


@pytest.mark.parametrize("function", FUNCTIONS)
def test_bindings_are_named_as_the_parameters_of_main(function: str) -> None:
    main = importlib.import_module(function).main
    named = [b["name"] for b in bindings(function) if b["name"] != "$return"]
    assert named == list(inspect.signature(main).parameters)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_triggers_are_short_enough_to_be_read_without_scrolling(function: str) -> None:
    assert len((ROOT / function / "__init__.py").read_text().splitlines()) <= 35


def test_the_http_function_has_the_path_of_the_cancel_operation_api() -> None:
    http = trigger("CancelHttpTrigger")
    assert http["route"] == "publishers/{publisherId}/offers/{offerId}/cancel"
    assert (http["methods"], http["authLevel"]) == (["post"], "function")
    assert HOST["extensions"]["http"]["routePrefix"] == "api"


def test_webhooks_need_no_key_but_their_own_signature() -> None:
    http = trigger("WebhookHttpTrigger")
    assert http["route"] == ("webhooks/{sender}/publishers/{publisherId}/offers/{offerId}/cancel")
    assert (http["methods"], http["authLevel"]) == (["post"], "anonymous")


def test_the_list_needs_a_key_and_is_only_read() -> None:
    http = trigger("CancellationsHttpTrigger")
    assert (http["route"], http["methods"], http["authLevel"]) == (
        "cancellations",
        ["get"],
        "function",
    )


def test_the_queue_function_listens_where_the_app_puts_requests() -> None:
    queue = trigger("CancelQueueTrigger")
    assert (queue["queueName"], queue["connection"]) == (CANCEL_REQUESTS, "CancelStorage")


def test_the_timer_takes_its_schedule_from_a_setting_and_never_runs_on_startup() -> None:
    timer = trigger("PollTimerTrigger")
    assert timer["schedule"] == "%POLL_SCHEDULE%"
    assert "runOnStartup" not in timer


def test_the_host_keeps_to_what_the_app_counts_on() -> None:
    queues = HOST["extensions"]["queues"]
    assert queues == {
        "messageEncoding": "none",
        "batchSize": 4,
        "newBatchThreshold": 12,  # so many may hang before others wait
        "visibilityTimeout": "00:00:30",
        "maxPollingInterval": "00:00:02",
        "maxDequeueCount": LAST_TRY,
    }
    threads = int(EXAMPLE["PYTHON_THREADPOOL_THREAD_COUNT"])
    assert queues["batchSize"] + queues["newBatchThreshold"] <= threads
    assert HOST["functionTimeout"] == "00:10:00"
    assert HOST["extensionBundle"]["version"] == "[4.*, 5.0.0)"


def test_there_is_one_programming_model() -> None:
    assert not (ROOT / "function_app.py").exists()
    assert sorted(p.parent.name for p in ROOT.glob("*/function.json")) == list(FUNCTIONS)


def test_the_package_is_ours_and_one_module_of_it_knows_the_platform() -> None:
    assert Path(str(shared.__file__)).parent == ROOT / "shared"
    modules = (ROOT / "shared").rglob("*.py")
    known = [path.name for path in modules if "azure.functions" in imports_of(path)]
    assert known == ["http_trigger.py"]


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return found


def test_what_is_deployed_is_pinned() -> None:
    direct = (ROOT / "requirements.in").read_text().split()
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pinned = {line.split("==")[0] for line in lines if "==" in line}
    assert {name for name in direct if not name.startswith("#")} <= pinned
    assert all("==" in line for line in lines if line and not line.lstrip().startswith("#"))
