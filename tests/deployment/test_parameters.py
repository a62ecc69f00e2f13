"""What people may choose is described and bounded, and every file says what it is for."""

from pathlib import Path

import pytest
import yaml

from tests.deployment.bicep.deployment import Template
from tests.deployment.bicep.syntax import BicepError, read, text_of, walk
from tests.deployment.templates import (
    FILES,
    MAIN,
    PARAMETERS,
    ROOT,
    of_type,
    resources,
    template,
    variable_of,
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.name))
def test_everything_that_is_given_or_told_is_described_and_used(path: Path) -> None:
    file = read(path)
    assert text_of(file.root).startswith("// ")
    for each in (*file.of_kind("param"), *file.of_kind("output")):
        assert "description" in each.decorators, each.name
    mentioned = [text_of(node) for node in walk(file.root) if node.type == "identifier"]
    for each in (*file.of_kind("param"), *file.of_kind("var")):
        assert mentioned.count(each.name) > 1, f"{each.name} is not used"
    assert len(text_of(file.root).splitlines()) <= 300


def test_every_parameter_can_be_set_by_a_variable_of_its_name() -> None:
    declared = [each.name for each in read(MAIN).of_kind("param")]
    assert [*PARAMETERS] == declared
    variables = [variable_of(name) for name in declared]
    assert len(set(variables)) == len(variables)
    own = {"environmentName": "AZURE_ENV_NAME", "location": "AZURE_LOCATION"}
    for name in declared:
        expected = own.get(name, name.upper())
        assert variable_of(name).replace("_", "") == expected.replace("_", "")


def test_an_environment_without_variables_gets_the_defaults_of_the_template() -> None:
    given = {"environmentName": "contoso", "location": "westeurope"}
    alone = Template(read(MAIN), given).resources()
    assert [(each.id, each.body) for each in alone] == [
        (each.id, each.body) for each in resources({})
    ]


def test_what_the_deployment_tells_is_never_taken_for_what_people_have_set() -> None:
    told = template({}).outputs()
    assert not told.keys() & {variable_of(name) for name in PARAMETERS}


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PARTNER_CENTER_CREDENTIAL", "password"),
        ("MAIL_SERVICE", "sendgrid"),
        ("MAIL_DATA_LOCATION", "Moon"),
        ("MAIL_ROLE", "owner"),
        ("STORAGE_REDUNDANCY", "Premium_LRS"),
        ("INSTANCE_MEMORY_MB", "1024"),
        ("MAXIMUM_INSTANCES", "0"),
        ("MAXIMUM_INSTANCES", "1000"),
        ("LOG_RETENTION_DAYS", "7"),
        ("POLL_CONCURRENCY", "257"),
    ],
)
def test_a_value_out_of_bounds_is_refused_before_anything_is_deployed(
    variable: str, value: str
) -> None:
    with pytest.raises(BicepError, match="may not be"):
        resources({variable: value})


def test_azd_finds_the_templates_and_the_app_by_its_tag() -> None:
    described = yaml.safe_load((ROOT / "azure.yaml").read_text())
    assert (ROOT / described["infra"]["path"] / f"{described['infra']['module']}.bicep") == MAIN
    [(service, entry)] = described["services"].items()
    assert (entry["host"], entry["language"], entry["project"]) == ("function", "python", ".")
    assert entry["remoteBuild"] is True
    found = resources({})
    tagged = [each for each in found if each.body.get("tags", {}).get("azd-service-name")]
    assert [(each.type, each.body["tags"]["azd-service-name"]) for each in tagged] == [
        ("Microsoft.Web/sites", service)
    ]
    [group] = of_type(found, "Microsoft.Resources/resourceGroups")
    assert group.body["tags"]["azd-env-name"] == "contoso"
