"""Checkov's Azure policies hold, or are waived with a reason beside what they are about.

Checkov is given what would be deployed, every name and condition worked out, as an ARM template of
each kind of environment: its own reading of Bicep does not know conditional expressions. A waiver
is a comment, ``// checkov:skip=CHECK: reason``, in the resource, or in the file for all of it.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

from devstack.setup import CHECKOV
from tests.deployment.bicep.deployment import Resource
from tests.deployment.bicep.syntax import read
from tests.deployment.templates import ENVIRONMENTS, FILES, ROOT, resources

TEMPLATE = {
    "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
    "contentVersion": "1.0.0.0",
}

type Finding = tuple[str, str]  # the check, and the resource as type.name


def as_arm(found: list[Resource]) -> str:
    made = [
        {"type": each.type, "apiVersion": each.api_version, **each.body, "name": each.name}
        for each in found
    ]
    return json.dumps({**TEMPLATE, "resources": made}, indent=1)


def findings(folder: Path) -> tuple[set[Finding], int]:
    """What fails in the templates of a folder, and how many checks passed."""
    program = ROOT / CHECKOV / "bin/checkov"
    assert program.exists(), "Checkov is not installed: make setup"
    done = subprocess.run(
        [
            program,
            *("--directory", folder, "--framework", "arm", "--skip-download"),
            *("--output", "json", "--compact"),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "LOG_LEVEL": "ERROR"},
    )
    results = json.loads(done.stdout)["results"]
    assert not results["parsing_errors"]
    failed = {(each["check_id"], each["resource"]) for each in results["failed_checks"]}
    return failed, len(results["passed_checks"])


@pytest.fixture(scope="module")
def deployments() -> list[Resource]:
    return [each for variables in ENVIRONMENTS.values() for each in resources(variables)]


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> tuple[set[Finding], int]:
    folder = tmp_path_factory.mktemp("arm")
    for number, variables in enumerate(ENVIRONMENTS.values()):
        (folder / f"{number}.json").write_text(as_arm(resources(variables)))
    return findings(folder)


def test_what_fails_is_waived_and_what_is_waived_fails(
    checked: tuple[set[Finding], int], deployments: list[Resource]
) -> None:
    failed, passed = checked
    assert passed > 100
    waived = {(check, f"{each.type}.{each.name}") for each in deployments for check in each.waived}
    assert not failed - waived
    needed = {check for check, _ in failed & waived}
    written = {check for each in deployments for check in each.waived}
    assert written == needed


def test_every_waiver_has_a_reason_and_every_reason_is_a_sentence_s_worth() -> None:
    sources = [read(path).root.text or b"" for path in FILES]
    written = sum(source.count(b"checkov:skip") for source in sources)
    reasons = {
        (each.type, check): reason
        for variables in ENVIRONMENTS.values()
        for each in resources(variables)
        for check, reason in each.waived.items()
    }
    assert written
    assert all(len(reason.split()) >= 4 for reason in reasons.values())


def test_checkov_finds_an_account_that_is_open(tmp_path: Path) -> None:
    account = {
        "type": "Microsoft.Storage/storageAccounts",
        "apiVersion": "2023-05-01",
        "name": "open",
        "properties": {"allowBlobPublicAccess": True, "supportsHttpsTrafficOnly": False},
    }
    template = {**TEMPLATE, "resources": [account]}
    (tmp_path / "open.json").write_text(json.dumps(template, indent=1))
    failed, _ = findings(tmp_path)
    assert ("CKV_AZURE_3", "Microsoft.Storage/storageAccounts.open") in failed
