"""The examples of pipelines deploy by federation, what has passed, one tenant at a time."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deployment.guide_commands import blocks, calls
from tests.deployment.templates import ROOT

GITHUB = ROOT / "docs/examples/github-actions.yml"
AZURE = ROOT / "docs/examples/azure-pipelines.yml"


def parsed(path: Path) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load(path.read_text())
    return found


@pytest.mark.parametrize("path", [GITHUB, AZURE], ids=["GitHub", "Azure"])
def test_no_secret_is_needed(path: Path) -> None:
    code = "\n".join(line.partition("#")[0] for line in path.read_text().splitlines())
    assert not re.search(r"secrets\.|client.?secret|password|publish.?profile|creds:", code, re.I)


@pytest.mark.parametrize("path", [GITHUB, AZURE], ids=["GitHub", "Azure"])
def test_nobody_is_asked_anything_half_way(path: Path) -> None:
    text = path.read_text()
    for command in ("azd env new", "azd up"):
        [call] = re.findall(rf"{command}(?:.*\\\n)*.*", text)
        assert "--no-prompt" in call


def test_github_deploys_what_has_passed_with_a_token_that_only_that_job_gets() -> None:
    workflow = parsed(GITHUB)
    assert workflow["permissions"] == {"contents": "read"}
    jobs = workflow["jobs"]
    assert jobs["deploy"]["needs"] == "check"
    assert jobs["deploy"]["permissions"]["id-token"] == "write"
    assert "permissions" not in jobs["check"]
    assert [step.get("run") for step in jobs["check"]["steps"]][-1] == ".ci/run"
    steps = [step.get("run", "") for step in jobs["deploy"]["steps"]]
    [login] = [step for step in steps if "azd auth login" in step]
    assert "--federated-credential-provider github" in login
    assert "inputs.tenant" in workflow["concurrency"]["group"]
    assert jobs["deploy"]["environment"] == "${{ inputs.tenant }}"


def test_github_puts_no_text_of_others_into_a_script() -> None:
    for job in parsed(GITHUB)["jobs"].values():
        assert not [step for step in job["steps"] if "${{" in step.get("run", "")]


def test_azure_pipelines_deploys_what_has_passed_as_its_service_connection() -> None:
    pipeline = parsed(AZURE)
    check, deploy = pipeline["stages"]
    assert deploy["dependsOn"] == check["stage"]
    assert check["jobs"][0]["steps"][-1]["script"] == ".ci/run"
    assert deploy["lockBehavior"] == "sequential"
    [job] = deploy["jobs"]
    *_, task = job["strategy"]["runOnce"]["deploy"]["steps"]
    assert task["task"] == "AzureCLI@2"
    assert task["inputs"]["azureSubscription"].endswith("${{ parameters.tenant }}")
    script = task["inputs"]["inlineScript"]
    assert "azd config set auth.useAzCliAuth true" in script
    assert "${{" not in script


def test_github_is_trusted_by_the_subject_that_it_gives_the_repository() -> None:
    guide = (ROOT / "docs/deploying.md").read_text()
    [typed] = [block for block in blocks(guide) if "federated-credential create" in block]
    [call] = [call for call in calls(typed) if "federated-credential" in call]
    parameters = json.loads(call[call.index("--parameters") + 1])
    assert parameters["audiences"] == ["api://AzureADTokenExchange"]
    # With ids in it since July 2026, unless the repository is older; GitHub says which.
    assert parameters["subject"] == "PREFIX:environment:contoso"
    assert "/actions/oidc/customization/sub --jq .sub_claim_prefix`" in guide
    for form in ("`repo:OWNER/REPOSITORY`", "`repo:OWNER@OWNER-ID/REPOSITORY@REPOSITORY-ID`"):
        assert form in guide
    assert "repo:<owner>/<repository>:" not in GITHUB.read_text()
