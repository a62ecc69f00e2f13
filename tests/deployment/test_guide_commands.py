"""What people are told to type would be taken: by az and azd, by bash, and by what is in here.

Held are the blocks of the guides, commands within sentences, the advice of the checks, and the
examples of pipelines. Azure cannot be reached: what ``az`` and ``azd`` take is the table of
``azure_cli``, which says where it is from; the rest is asked of the programs themselves.
"""

import re
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path

import pytest

from tests.deployment.azure_cli import UsageError, parsed
from tests.deployment.cloud import cloud_in
from tests.deployment.guide_commands import (
    ANSWER,
    GuideError,
    calls,
    hold,
    mentions,
    sections,
    steps,
)
from tests.deployment.templates import PARAMETERS, ROOT, resources, template, variable_of
from tests.deployment.test_partner_center_access import HOME, PARTNER, PROVISIONED, SCRIPT
from tests.deployment.test_pipelines import AZURE, GITHUB
from tests.deployment.test_pipelines import parsed as pipeline
from tests.shared.test_checks import commands as advised

GUIDE, RUNBOOK = ROOT / "docs/deploying.md", ROOT / "docs/operations.md"
TEXTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "devstack/README.md"]
TEXTS += sorted((ROOT / "docs").glob("*.md"))
MENTIONED = {
    str(path.relative_to(ROOT)): found for path in TEXTS if (found := mentions(path.read_text()))
}
VARIABLES = {variable_of(name) for name in PARAMETERS}
# Of the probe, not of the templates.
OTHER_VARIABLES = {"PROBE_MAIL_TO"}
# The comment of the example has them put there.
OF_THE_VARIABLE_GROUP = frozenset({"AZURE_SUBSCRIPTION_ID", "AZURE_LOCATION"})


def scripts() -> Iterator[tuple[str, str, frozenset[str]]]:
    """What is typed in one go, where it stands, and the variables that are there before."""
    yield GUIDE.name, "".join(sections(GUIDE.read_text()).values()), frozenset()
    for title, script in sections(RUNBOOK.read_text()).items():
        yield f"{RUNBOOK.name}: {title}", script, frozenset()
    for command in dict.fromkeys(advised()):
        yield f"advice: {command}", command, frozenset()
    for n, (script, variables) in enumerate(steps(pipeline(GITHUB))):
        yield f"{GITHUB.name}: {n}", script, variables
    for n, (script, variables) in enumerate(steps(pipeline(AZURE), OF_THE_VARIABLE_GROUP)):
        yield f"{AZURE.name}: {n}", script, variables


@cache
def written(script: str, variables: frozenset[str] = frozenset()) -> list[list[str]]:
    return calls(script, variables)


def hold_all(script: str, variables: frozenset[str] = frozenset(), *, whole: bool = True) -> None:
    """Holds every command line of a script; there must be one."""
    assert written(script, variables)
    for words in written(script, variables):
        hold(words, whole=whole)


@pytest.mark.parametrize(
    ("script", "variables"),
    [pytest.param(script, variables, id=name) for name, script, variables in scripts()],
)
def test_what_is_to_be_typed_is_taken(script: str, variables: frozenset[str]) -> None:
    hold_all(script, variables)


@pytest.mark.parametrize("script", MENTIONED.values(), ids=MENTIONED.keys())
def test_what_is_mentioned_is_there(script: str) -> None:
    hold_all(script, whole=False)


def test_what_the_script_for_partner_center_tells_to_type_is_taken(tmp_path: Path) -> None:
    azd = {**PROVISIONED, "PARTNER_CENTER_TENANT_ID": PARTNER}
    printed = cloud_in(tmp_path, SCRIPT, tenant=HOME, apps={}, vault={}, azd=azd).run().stdout
    told = re.findall(r"^    (?:\.venv/bin/)?((?:az|azd|python) .*)$", printed, re.M)
    assert len(told) > 3
    hold_all("\n".join(told))


def given_to(command: str) -> list[list[str]]:
    """What any text gives to a command of azd; of a pipeline, nothing is known."""
    typed = (written(script, variables) for _, script, variables in scripts())
    found = [*chain(*typed, *map(written, MENTIONED.values()))]
    azd = [parsed(words, whole=False) for words in found if words[0] == "azd"]
    return [each.values for each in azd if each.command == command and ANSWER not in each.values]


def test_what_is_to_be_set_is_a_variable_of_the_templates_and_they_take_its_value() -> None:
    given = [each for each in given_to("azd env set") if each]
    assert {name for name, *_ in given} <= VARIABLES | OTHER_VARIABLES
    settings = {(name, *value) for name, *value in given if value and name in VARIABLES}
    assert len(settings) > 5
    for name, value in settings:
        assert resources({name: value})  # BicepError where it is out of bounds


def test_what_is_read_back_is_an_output_or_a_variable_of_the_templates() -> None:
    named = {name for [name] in given_to("azd env get-value")}
    assert len(named) > 5
    assert named <= template({}).outputs().keys() | VARIABLES


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("az keyvault secret set --nam smtp-url", "has no --nam"),
        ("az keyvault secrets set --name smtp-url", "there is no az keyvault secrets"),
        ("az functionapp restart --name app", "needs --resource-group"),
        ("az login --tenant", "--tenant needs a value"),
        ('none="" && az login --tenant "$none"', "--tenant needs a value"),
        ("azd env set MAIL_ROLE", "takes 2 values"),
        ("azd env set LOG_DAILY_QUOTA_GB -1", "has no -1"),
        ('az keyvault show --name "$vault"', "vault: unbound variable"),
        ('az keyvault show --name "$(azd env get-value', "unexpected EOF"),
        ("kubectl get pods", "kubectl: "),
        ("infra/scripts/prob.sh", "infra/scripts/prob.sh: "),
        ("infra/scripts/probe.sh --mail ana@contoso.example", "there is no --mail"),
        ("make tests", "make has no"),
        ("python -m shared.operator list", "there is no module shared.operator"),
        ("python -m shared.notification", "there is no module shared.notification"),
        ("python -m shared.operate redrive --queue other", "invalid choice: 'other'"),
    ],
)
def test_a_mistake_is_found(script: str, said: str) -> None:
    with pytest.raises((GuideError, UsageError), match=re.escape(said)):
        hold_all(script)
