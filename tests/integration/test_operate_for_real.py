"""The command line as a person starts it: a process, real settings, real storage."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.azurite import Azurite
from devstack.mailbox import Mailbox
from devstack.partner_center import Simulator

pytestmark = pytest.mark.integration

COMMAND = [sys.executable, "-m", "shared.operate"]
ROOT = Path(__file__).parents[2]


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [*COMMAND, *arguments],
        env={**kept, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def environment(azurite: Azurite, simulator: Simulator, mailbox: Mailbox) -> dict[str, str]:
    simulator.create_offer("contoso", "some-offer", "cancels-after-202")  # for checks to read
    return {
        "CancelStorage": azurite.connection_string,
        "PARTNER_CENTER_URL": simulator.url,
        "PARTNER_CENTER_STATIC_TOKEN": simulator.token,
        "ALLOWED_PUBLISHERS": "contoso",
        "NOTIFICATION_SENDER": "cancel@contoso.com",
        "NOTIFICATION_SMTP_URL": mailbox.url,
    }


def test_everything_is_checked_by_real_settings(environment: dict[str, str]) -> None:
    done = run(environment, "check", "--json")
    results = {each["name"]: each["status"] for each in json.loads(done.stdout)}
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert results == dict.fromkeys(
        (
            "settings-policy",
            "settings-callers",
            "partner-center-token",
            "partner-center-read",
            "storage-cancel-requests",
            "storage-pending-cancellations",
            "storage-cancel-requests-poison",
            "storage-pending-cancellations-poison",
            "storage-cancellations",
            "mail-login",
        ),
        "ok",
    )


def test_a_test_mail_goes_to_who_is_named_and_the_address_into_no_log(
    environment: dict[str, str], mailbox: Mailbox
) -> None:
    address = "someone@contoso.com"
    done = run(environment, "check", "--mail-to", address)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "ok       mail-test" in done.stdout
    [mail] = mailbox.mails()
    assert mail.recipients == (address,)
    assert "No offer was canceled" in mail.text
    for refused in ("someone@elsewhere.example", "no address"):
        done = run(environment, "check", "--mail-to", refused)
        assert done.returncode == (1 if "@" in refused else 2)
        assert refused not in done.stdout + done.stderr
    assert "NOTIFICATION_ALLOWED_DOMAINS" in run(environment, "check", "--mail-to", "a@b.c").stdout
    assert len(mailbox.mails()) == 1


def test_settings_that_are_missing_fail_their_own_checks_only(environment: dict[str, str]) -> None:
    for name in ("PARTNER_CENTER_STATIC_TOKEN", "NOTIFICATION_SMTP_URL"):
        del environment[name]
    done = run(environment, "check")
    assert done.returncode == 1
    assert "PARTNER_CENTER_TENANT_ID is missing" in " ".join(done.stdout.split())
    assert "NOTIFICATION_SMTP_URL is missing" in " ".join(done.stdout.split())
    assert done.stdout.count("failed") == 3
    assert done.stdout.count("ok  ") == 7


def test_settings_that_only_count_later_are_checked_now(environment: dict[str, str]) -> None:
    environment |= {"CANCEL_CONFIRM_MINUTES": "soon", "ALLOWED_CALLERS": "contoso"}
    done = run(environment, "check", "--json")
    found = {each["name"]: each for each in json.loads(done.stdout) if each["status"] == "failed"}
    assert done.returncode == 1
    assert set(found) == {"settings-policy", "settings-callers"}
    assert "CANCEL_CONFIRM_MINUTES must be a number" in found["settings-policy"]["said"]
    assert "needs App Service authentication" in found["settings-callers"]["said"]
    assert "Mend these settings" in found["settings-policy"]["mend"]


def test_a_check_in_a_persons_own_shell_says_whose_settings_it_tries(
    environment: dict[str, str],
) -> None:
    environment["CancelStorage__credential"] = "azurecli"
    done = run(environment, "check")
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert "`check --deployed`" in done.stderr
    assert run(environment, "check", "--deployed").stderr == ""


def test_without_storage_each_command_says_so_in_a_line() -> None:
    for arguments in (["list"], ["show", "1"], ["redrive", "1"], ["drop", "1"]):
        done = run({}, *arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("error: Storage settings: CancelStorage")
    nowhere = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;"
    urls = "QueueEndpoint=http://127.0.0.1:1/a;TableEndpoint=http://127.0.0.1:1/a;"
    done = run({"CancelStorage": nowhere + urls}, "list")
    assert (done.returncode, done.stderr.count("\n")) == (1, 2)
    assert "storage cannot be used" in done.stderr


ADDRESS = "DefaultEndpointsProtocol=https;AccountName=contoso"


@pytest.mark.parametrize(
    ("storage", "said"),
    [
        ({"CancelStorage": ADDRESS}, "CancelStorage is not of the form Default"),
        (
            {
                "CancelStorage__queueServiceUri": "https://",
                "CancelStorage__tableServiceUri": "https://",
            },
            "CancelStorage__queueServiceUri is not of the form https://ACCOUNT.queue.",
        ),
        ({"CancelStorage": f"{ADDRESS};AccountKey=abc;EndpointSuffix=x.example"}, "`check` says"),
    ],
    ids=["half a connection string", "no host", "a key that is none"],
)
def test_storage_settings_that_name_no_account_are_told(storage: dict[str, str], said: str) -> None:
    done = run(storage, "list")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 2)
    assert said in done.stderr


def test_a_key_that_is_none_is_told_by_every_check_of_storage() -> None:
    key = f"{ADDRESS};AccountKey=abc;EndpointSuffix=x.example"
    done = run({"CancelStorage": key}, "check", "--json")
    found = [each for each in json.loads(done.stdout) if each["name"].startswith("storage-")]
    assert len(found) == 5
    for each in found:
        assert "AzureSigningError" in each["said"]
        assert "AccountKey is no key" in each["mend"]


WRONG: tuple[list[str], ...] = (
    [],
    ["redrive"],
    ["redrive", "--count", "0"],
    ["redrive", "1", "--rate", "x"],
    ["redrive", "1", "--operation-id", "5"],
    ["drop"],
    ["check", "--publisher", ".x"],
    ["check", "--deployed", "--mail-to", "someone@contoso.com"],
    ["check", "--again"],
    ["list", "--queue", "poison"],
)


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_wrong_arguments_are_a_matter_of_their_own(arguments: list[str]) -> None:
    done = run({}, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage: python -m shared.operate" in done.stderr


def test_every_command_and_option_is_explained() -> None:
    top = run({}, "--help")
    assert top.returncode == 0
    for command in ("list", "show", "redrive", "drop", "check"):
        assert f"\n    {command} " in top.stdout
        text = run({}, command, "--help").stdout
        assert all(len(line) <= 100 for line in text.splitlines())
        assert "--json" in text or command in ("redrive", "drop")
