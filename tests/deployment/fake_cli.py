"""``az`` and ``azd`` for tests of scripts: they know a few commands, remember, and write down.

Run as ``fake_cli az|azd ARGUMENT...``; the folder ``FAKE_STATE`` holds what they know. A command or
an option that the real programs do not have (``azure_cli``) ends them with 2.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.deployment.azure_cli import UsageError, parsed

STATE = Path(os.environ["FAKE_STATE"])


def quoted(text: str) -> str:
    """What stands between the quotes of a filter, as OData writes it."""
    return text.partition("'")[2].rpartition("'")[0].replace("''", "'")


def _apps(known: dict[str, Any], values: list[str], given: dict[str, str]) -> str:
    apps = known["apps"].items()
    return "\n".join(each for each, app in apps if app["name"] == quoted(given["--filter"]))


def _make_app(known: dict[str, Any], values: list[str], given: dict[str, str]) -> str:
    made = {"name": given["--display-name"], "audience": given["--sign-in-audience"]}
    client_id = f"client-{len(known['apps']) + 1}"
    known["apps"][client_id] = {**made, "federated": [], "credentials": 0, "principal": False}
    return client_id


def _federated(known: dict[str, Any], values: list[str], given: dict[str, str]) -> str:
    federated = known["apps"][given["--id"]]["federated"]
    asked = given["--query"].split("'")[1::2]  # what stands between its quotes
    return "\n".join(
        each["name"]
        for each in federated
        if each["subject"] in asked
        and any(each["issuer"].endswith(text) for text in asked if text.endswith("/v2.0"))
        and ("audiences" not in given["--query"] or {*asked} & {*each["audiences"]})
    )


def _federate(known: dict[str, Any], values: list[str], given: dict[str, str]) -> None:
    known["apps"][given["--id"]]["federated"].append(json.loads(given["--parameters"]))


def _federate_anew(known: dict[str, Any], values: list[str], given: dict[str, str]) -> None:
    federated = known["apps"][given["--id"]]["federated"]
    [place] = (
        at
        for at, each in enumerate(federated)
        if each["name"] == given["--federated-credential-id"]
    )
    federated[place] = json.loads(given["--parameters"])


def _reset(known: dict[str, Any], values: list[str], given: dict[str, str]) -> str:
    assert given.get("--cert", "none") in {*known["vault"], "none"}
    known["apps"][given["--id"]]["credentials"] += 1
    return "s3cret of the application"


def _make_certificate(known: dict[str, Any], values: list[str], given: dict[str, str]) -> None:
    known["vault"][given["--name"]] = "certificate"


def _make_principal(known: dict[str, Any], values: list[str], given: dict[str, str]) -> None:
    known["apps"][given["--id"]]["principal"] = True


def _put_secret(known: dict[str, Any], values: list[str], given: dict[str, str]) -> None:
    known["vault"][given["--name"]] = Path(given["--file"]).read_text()


def _set_variable(known: dict[str, Any], values: list[str], given: dict[str, str]) -> None:
    known["azd"][values[0]] = values[1]


def _functions(known: dict[str, Any], values: list[str], given: dict[str, str]) -> str:
    """Those that are indexed by now: each time that it is asked, it is one later."""
    answers = known["functions"]
    now = answers.pop(0) if len(answers) > 1 else answers[0]
    return "\n".join(f"{given['--name']}/{name}" for name in now)


def _rest(known: dict[str, Any], values: list[str], given: dict[str, str]) -> str:
    path = given["--url"].partition("?")[0].partition("/providers/Microsoft.Web/sites/")[2]
    return _table(known["rest"][path.partition("/")[2]])


def _table(rows: list[list[str]]) -> str:
    return "\n".join("\t".join(row) for row in rows)


# What a command prints, having changed what is known; KeyError where the real one fails.
ANSWERS: dict[str, Callable[[dict[str, Any], list[str], dict[str, str]], str | None]] = {
    "az account show": lambda known, _, __: known["tenant"] or sys.exit(1),
    "az ad app list": _apps,
    "az ad app show": lambda known, _, given: known["apps"][given["--id"]]["audience"],
    "az ad app create": _make_app,
    "az ad app federated-credential list": _federated,
    "az ad app federated-credential create": _federate,
    "az ad app federated-credential update": _federate_anew,
    "az ad app credential reset": _reset,
    "az ad sp list": lambda known, _, given: (
        "principal" if known["apps"][quoted(given["--filter"])]["principal"] else ""
    ),
    "az ad sp create": _make_principal,
    "az keyvault certificate create": _make_certificate,
    "az keyvault certificate show": lambda known, _, given: known["vault"][given["--name"]],
    "az keyvault secret show": lambda known, _, given: known["vault"][given["--name"]],
    "az keyvault secret set": _put_secret,
    "az account get-access-token": lambda known, _, given: known["tokens"][given["--resource"]],
    "az functionapp function list": _functions,
    "az functionapp keys list": lambda known, _, __: known["key"],
    "az resource list": lambda known, _, __: _table([[each] for each in known["resources"]]),
    "az resource show": lambda known, _, __: _table([[each] for each in known["linked"]]),
    "az role definition list": lambda known, _, __: _table(known["definitions"]),
    "az role assignment list": lambda known, _, given: _table(known["roles"][given["--assignee"]]),
    "az rest": _rest,
    "azd env get-value": lambda known, values, _: known["azd"][values[0]],
    "azd env get-values": lambda known, _, __: "\n".join(
        f'{name}="{value}"' for name, value in known["azd"].items()
    ),
    "azd env set": _set_variable,
}


def main() -> None:
    """Carry out one command."""
    with (STATE / "calls").open("a") as calls:
        calls.write(json.dumps(sys.argv[1:]) + "\n")
    known = json.loads((STATE / "known").read_text())
    if known.get("fails") == " ".join(sys.argv[1:])[: len(known.get("fails") or "-")]:
        sys.exit(1)
    try:
        command, values, given = parsed(sys.argv[1:])
    except UsageError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    printed = ANSWERS[command](known, values, given)
    (STATE / "known").write_text(json.dumps(known))
    if printed and given.get("--output") != "none":
        sys.stdout.write(f"{printed}\n")


if __name__ == "__main__":
    main()
