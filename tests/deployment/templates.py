"""The templates of this repository, and the kinds of environments that they are tried with."""

import json
import re
from pathlib import Path
from typing import Any

from tests.deployment.bicep.deployment import Resource, Template
from tests.deployment.bicep.syntax import read

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"
MAIN = INFRA / "main.bicep"
FILES = (MAIN, *sorted((INFRA / "modules").glob("*.bicep")))
PARAMETERS = json.loads((INFRA / "main.parameters.json").read_text())["parameters"]
_SUBSTITUTION = re.compile(r"\$\{(?P<variable>\w+)(?:=(?P<default>[^}]*))?\}")

# What people choose: with every choice taken somewhere.
ENVIRONMENTS: dict[str, dict[str, str]] = {
    "as it comes": {},
    "by certificate, own domain": {
        "PARTNER_CENTER_CREDENTIAL": "certificate",
        "PARTNER_CENTER_TENANT_ID": "00000000-0000-0000-0000-00000000cccc",
        "MAIL_DOMAIN": "contoso.example",
        "MAIL_DOMAIN_IS_VERIFIED": "true",
        "MAIL_QUOTA": "30/100",
        "MAIL_SENDER_NAME": "offer-cancel",
        "STORAGE_REDUNDANCY": "Standard_LRS",
    },
    "by secret, SMTP": {
        "PARTNER_CENTER_CREDENTIAL": "secret",
        "MAIL_SERVICE": "smtp",
        "SMTP_SENDER": "offer-cancel@contoso.example",
        "MAIL_ROLE": "built-in",
    },
    "private": {
        "USES_VIRTUAL_NETWORK": "true",
        "ALWAYS_READY_HTTP_INSTANCES": "1",
    },
    "private, webhooks, callers, senders": {
        "USES_VIRTUAL_NETWORK": "true",
        "TAKES_WEBHOOKS": "true",
        "CALLERS_CLIENT_ID": "00000000-0000-0000-0000-00000000dddd",
        "ALLOWED_CALLERS": "00000000-0000-0000-0000-00000000eeee=contoso",
        "SENDER_PRINCIPAL_IDS": (
            "00000000-0000-0000-0000-0000000000f1, 00000000-0000-0000-0000-0000000000f2"
        ),
        "MAIL_ROLE": "built-in",
    },
}


def substituted(variables: dict[str, str]) -> dict[str, Any]:
    """The parameters as azd makes them of an environment's variables.

    Texts become numbers and truth values where the parameter is one.
    """
    declared = {each.name: each.type_name for each in read(MAIN).of_kind("param")}
    given: dict[str, Any] = {}
    for name, entry in PARAMETERS.items():
        found = _SUBSTITUTION.fullmatch(entry["value"])
        assert found, f"{name} is not one variable"
        text = variables.get(found["variable"]) or found["default"] or ""
        match declared[name]:
            case "int":
                given[name] = int(text)
            case "bool":
                given[name] = {"true": True, "false": False}[text]
            case _:
                given[name] = text
    return given


def variable_of(parameter: str) -> str:
    """The variable that a parameter is taken from."""
    found = _SUBSTITUTION.fullmatch(PARAMETERS[parameter]["value"])
    assert found
    return found["variable"]


def template(variables: dict[str, str], **azure: str) -> Template:
    """The main template with an environment's variables; Azure's own are filled in."""
    own = {"AZURE_ENV_NAME": "contoso", "AZURE_LOCATION": "westeurope"}
    return Template(read(MAIN), substituted({**own, **variables}), **azure)


def resources(variables: dict[str, str]) -> list[Resource]:
    """All that an environment would have."""
    return template(variables).resources()


def of_type(found: list[Resource], type_name: str) -> list[Resource]:
    """The resources of one type."""
    return [each for each in found if each.type == type_name]


def settings_of(found: list[Resource]) -> dict[str, str]:
    """The application settings of a deployment."""
    [settings] = (each for each in found if each.name.endswith("/appsettings"))
    return dict(settings.properties)
