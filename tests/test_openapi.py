"""Holds the description of the HTTP API to the code and to what the host reads of it."""

import json
import re
import tomllib
from collections.abc import Iterator
from functools import reduce
from typing import Any

import jsonschema_rs
import pytest

from devstack.processes import ROOT
from shared.acceptance import MAX_BODY_BYTES
from shared.idempotency import key_of
from shared.ids import GUID_PATTERN, OFFER_ID_PATTERN, PUBLISHER_ID_PATTERN
from shared.list_query import MAX_TOP
from shared.models import (
    MAX_REASON_CHARACTERS,
    OutcomeName,
)
from shared.partner_center.location import API_VERSION
from shared.record import MAX_STEPS, Mail, Status
from shared.webhooks.on_filter import MAX_NAMES
from shared.webhooks.reception import MAX_BODY_BYTES as MAX_DELIVERY_BYTES
from shared.webhooks.secrets import Sender
from tests.description import DESCRIPTION, WRITTEN

type Part = dict[str, Any]

PARTS = WRITTEN["components"]
SCHEMAS = PARTS["schemas"]
OPERATIONS = {
    operation["operationId"]: operation
    for methods in WRITTEN["paths"].values()
    for operation in methods.values()
}
ANY_KEY: list[Part] = [{"functionKey": []}]
WEBHOOK = OPERATIONS["receiveWebhook"]
_PROBLEM = re.compile(r'ProblemError\(\s*(\d{3}),\s*"(\w+)"')


def http_bindings() -> dict[str, Part]:
    """Of each function with an HTTP trigger, the trigger."""
    read = {
        path.parent.name: json.loads(path.read_text())["bindings"]
        for path in ROOT.glob("*/function.json")
    }
    return {
        name: binding
        for name, bindings in read.items()
        for binding in bindings
        if binding["type"] == "httpTrigger"
    }


def followed(part: Part) -> Part:
    """The part that a reference leads to, or the part itself."""
    path = part.get("$ref", "").removeprefix("#/").split("/")
    found: Part = reduce(lambda parts, name: parts[name], path, WRITTEN) if "$ref" in part else part
    return found


def parameter(operation: str, name: str) -> Part:
    """The schema of a parameter."""
    found = (followed(each) for each in OPERATIONS[operation]["parameters"])
    return followed(next(each for each in found if each["name"] == name)["schema"])


def contents() -> Iterator[tuple[str, Part]]:
    """Everything that has a schema and examples of it, and where it is."""
    for name, operation in OPERATIONS.items():
        for each in map(followed, operation["parameters"]):
            yield f"{name} {each['name']}", each
        holders = {"body": operation.get("requestBody", {}), **operation["responses"]}
        for status, holder in holders.items():
            contents = followed(holder).get("content", {})
            if "application/json" in contents:
                yield f"{name} {status}", contents["application/json"]


def examples() -> Iterator[tuple[str, Part, Any]]:
    for where, content in contents():
        named = content.get("examples", {})
        values = {key: followed(example)["value"] for key, example in named.items()}
        if "example" in content:
            values["example"] = content["example"]
        yield from ((f"{where} {key}", content["schema"], value) for key, value in values.items())


def as_in_the_code(pattern: str) -> str:
    """A pattern as JSON Schema has it, in the dialect of the code."""
    return pattern.replace("(", "(?:").replace("^", r"\A", 1).removesuffix("$") + r"\Z"


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for each in part.values():
            yield from references(each)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


def test_it_is_an_openapi_description() -> None:
    assert WRITTEN["openapi"] == "3.1.0"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert WRITTEN["info"]["version"] == project["version"]
    DESCRIPTION.validate()


def test_its_paths_and_methods_are_those_of_the_functions() -> None:
    bindings = http_bindings().values()
    routes = {(f"/api/{each['route']}", *sorted(each["methods"])) for each in bindings}
    assert {(path, *sorted(methods)) for path, methods in WRITTEN["paths"].items()} == routes


def test_a_key_is_asked_for_where_the_host_asks_for_one() -> None:
    assert WRITTEN["security"] == ANY_KEY
    for binding in http_bindings().values():
        for operation in WRITTEN["paths"][f"/api/{binding['route']}"].values():
            asked_for = {name for each in operation.get("security", ANY_KEY) for name in each}
            assert ("functionKey" in asked_for) == (binding["authLevel"] == "function")


def test_every_sender_has_a_proof_of_its_own_and_no_delivery_goes_without() -> None:
    proofs = [set(each) for each in WEBHOOK["security"]]
    assert len(proofs) == len(Sender)
    assert all(proofs)
    keys = {"functionKey", "functionKeyInQuery"}
    assert set.union(*proofs, keys) == set(PARTS["securitySchemes"])
    assert parameter("receiveWebhook", "sender")["enum"] == list(Sender)


def test_its_patterns_are_those_of_the_code() -> None:
    for operation in ("cancel", "getStatus", "withdraw", "receiveWebhook"):
        for name, pattern in (("publisherId", PUBLISHER_ID_PATTERN), ("offerId", OFFER_ID_PATTERN)):
            in_path = parameter(operation, name)["pattern"]
            assert as_in_the_code(in_path) == pattern
            in_query = parameter("listRequests", name)["pattern"]
            assert in_query == f"^({in_path[1:-1]})?$"
    assert as_in_the_code(SCHEMAS["Guid"]["pattern"]) == GUID_PATTERN
    assert parameter("getStatus", "requestId") is SCHEMAS["Guid"]
    assert parameter("cancel", "Idempotency-Key") is SCHEMAS["Key"]
    for key in ("x" * 255, "~ !"):
        assert re.search(SCHEMAS["Key"]["pattern"], key)
        assert key_of({"idempotency-key": key}) == key


def test_its_words_and_limits_are_those_of_the_code() -> None:
    status, shown = SCHEMAS["Status"]["properties"], SCHEMAS["Listed"]["properties"]
    assert SCHEMAS["OutcomeName"]["enum"] == list(OutcomeName)
    assert status["status"]["enum"] == shown["status"]["enum"] == list(Status)
    assert parameter("listRequests", "status")["enum"] == ["", *Status]
    assert shown["mail"]["enum"] == list(Mail)
    assert status["history"]["maxItems"] == MAX_STEPS
    assert parameter("listRequests", "top")["oneOf"][0]["maximum"] == MAX_TOP
    assert SCHEMAS["CancelBody"]["properties"]["reason"]["maxLength"] == MAX_REASON_CHARACTERS
    assert parameter("receiveWebhook", "reason")["maxLength"] == MAX_REASON_CHARACTERS
    assert f"{{0,{MAX_NAMES - 1}}}" in parameter("receiveWebhook", "on")["pattern"]
    for operation in OPERATIONS.values():
        [version] = [
            each["schema"]["enum"]
            for each in map(followed, operation["parameters"])
            if each["name"] == "api-version"
        ]
        assert set(version) - {""} == {API_VERSION}
    assert f"{MAX_BODY_BYTES // 1024} KiB" in OPERATIONS["cancel"]["requestBody"]["description"]
    assert f"{MAX_DELIVERY_BYTES // 1024**2} MiB" in WEBHOOK["requestBody"]["description"]


def test_every_error_of_the_code_is_in_it_and_no_other() -> None:
    in_code = {
        (status, code)
        for path in (ROOT / "shared").rglob("*.py")
        for status, code in _PROBLEM.findall(path.read_text())
    }
    described = {
        (status, code)
        for operation in OPERATIONS.values()
        for status, response in operation["responses"].items()
        if status >= "400"
        for media_type, content in followed(response).get("content", {}).items()
        if media_type == "application/json"
        for code in codes_of(content["schema"])
    }
    assert described == in_code


def codes_of(schema: Part) -> list[str]:
    assert schema["$ref"] == "#/components/schemas/Problem"
    code = schema["properties"]["error"]["properties"]["code"]
    return [code["const"]] if "const" in code else code["enum"]


@pytest.mark.parametrize(
    ("schema", "value"), [each[1:] for each in examples()], ids=[each[0] for each in examples()]
)
def test_an_example_is_what_it_is_an_example_of(schema: Part, value: object) -> None:
    jsonschema_rs.Draft202012Validator({**schema, "components": PARTS}).validate(value)


def test_every_answer_with_a_body_has_an_example() -> None:
    shown = {where.rpartition(" ")[0] for where, *_ in examples()}
    answers = {where for where, _ in contents() if where.rpartition(" ")[2].isdigit()}
    assert answers <= shown


def test_nothing_in_it_is_left_over() -> None:
    used = set(references(WRITTEN))
    for kind in PARTS.keys() - {"securitySchemes"}:
        assert {f"#/components/{kind}/{name}" for name in PARTS[kind]} <= used
