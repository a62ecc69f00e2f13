"""The guide names what there is: variables, files, secrets, headings.

Its commands are held by ``test_guide_commands``.
"""

import re

import pytest

from tests.deployment.templates import INFRA, PARAMETERS, ROOT, variable_of
from tests.test_contracts import settings_read

GUIDE = ROOT / "docs/deploying.md"
TEXT = GUIDE.read_text()
RUNBOOK = (ROOT / "docs/operations.md").read_text()
VARIABLES = {variable_of(name) for name in PARAMETERS}


def test_what_the_table_names_is_a_variable_of_the_templates() -> None:
    table = re.search(r"\| variable \|.*?\n\n", TEXT, re.DOTALL)
    assert table
    named = set(re.findall(r"`([A-Z_]+)`", table[0].replace("`Standard_LRS`", "")))
    assert named <= VARIABLES
    assert len(named) > 9


def test_links_lead_somewhere() -> None:
    headings = re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        path, _, anchor = target.partition("#")
        if target.startswith("https://"):
            continue
        assert not path or (GUIDE.parent / path).exists(), target
        assert path or anchor in anchors, target


@pytest.mark.parametrize("name", ["webhook-secrets", "smtp-url"])
def test_secrets_have_the_names_that_settings_refer_to(name: str) -> None:
    assert f"`{name}`" in TEXT
    assert f"{name})'" in (INFRA / "modules/resources.bicep").read_text()


@pytest.mark.parametrize("text", [TEXT, RUNBOOK], ids=["guide", "runbook"])
def test_no_secret_is_put_into_a_file_or_shown(text: str) -> None:
    commands = re.findall(r"az keyvault secret set(?:[^\n]|(?<=\\)\n)*", text)
    assert commands or text is RUNBOOK
    for command in commands:
        assert "--file /dev/stdin" in command
        assert "--output none" in command


def test_alerts_lead_to_what_the_app_has_found_and_not_to_what_a_shell_may_do() -> None:
    alerts = RUNBOOK.partition("\n## Alerts\n")[2].partition("\n## ")[0]
    assert alerts.count("shared.operate check --deployed") >= 3
    assert "check`" not in alerts.replace("[`check`](#check)", "")
    assert "check --publisher" not in alerts


def test_settings_for_the_commands_are_ones_that_the_code_reads() -> None:
    named = set(re.findall(r"^export (\w+)=", TEXT, re.MULTILINE))
    assert named
    assert named <= settings_read()
