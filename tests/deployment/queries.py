"""What the queries of alerts, workbook and runbook ask for, and which events the app writes.

Queries are held to the code by their text: an event is named by ``event == "…"`` or
``event in ("…")``, and a field of it is ``e.field``.
"""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.deployment.templates import INFRA, ROOT

OPERATIONS = (ROOT / "docs/operations.md").read_text()
EVENTS = (ROOT / "docs/events.md").read_text()
IN_EVERY_EVENT = {"event", "level", "time", "requestId", "traceId"}
_ARGUMENTS = {"request_id", "level"}
_NAMED = re.compile(r"\bevent\)? (?:==|in) (\([^)]*\)|\"[^\"]*\")")
_QUOTED = re.compile(r'"([^"]+)"')
_FIELD = re.compile(r"\be\.(\w+)")
_BLOCK = re.compile(r"```kusto\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Query:
    """One query in KQL, and where it is from."""

    source: str
    text: str

    @property
    def events(self) -> set[str]:
        """The events that it names; none where it asks for all."""
        return {name for found in _NAMED.findall(self.text) for name in _QUOTED.findall(found)}

    @property
    def fields(self) -> set[str]:
        """The fields of events that it reads."""
        return set(_FIELD.findall(self.text))


@dataclass(frozen=True)
class Written:
    """An event that the code writes: where, how loud, and with which fields."""

    name: str
    level: str
    fields: frozenset[str]


def queries() -> list[Query]:
    """All of them."""
    files = sorted((INFRA / "modules/monitoring").glob("*.kql"))
    return [
        *(Query(path.name, path.read_text()) for path in files),
        *(Query(f"workbook: {item['title']}", item["query"]) for item in workbook_queries()),
        *(Query(f"runbook, query {n}", text) for n, text in enumerate(_BLOCK.findall(OPERATIONS))),
        *(Query(f"list of events, {n}", text) for n, text in enumerate(_BLOCK.findall(EVENTS))),
    ]


def workbook_queries() -> list[dict[str, Any]]:
    """The contents of the workbook's items that are queries."""
    items = json.loads((INFRA / "workbook.json").read_text())["items"]
    return [each["content"] for each in items if each["type"] == 3]


@cache
def events_written() -> tuple[Written, ...]:
    """Every call of ``event`` in the app, read off its source."""
    paths = [*(ROOT / "shared").rglob("*.py"), *ROOT.glob("*Trigger/*.py")]
    return tuple(each for path in paths for each in _events_in(ast.parse(path.read_text())))


def fields_of(names: set[str]) -> set[str]:
    """The fields that any of these events has; of all events, where none is named."""
    found = [each.fields for each in events_written() if each.name in names or not names]
    return IN_EVERY_EVENT.union(*found)


def _events_in(module: ast.Module) -> Iterator[Written]:
    for node in ast.walk(module):
        match node:
            case ast.Call(func=ast.Name(id="event"), args=[name], keywords=keywords):
                for each in _texts(name, module):
                    yield _written(each, keywords)


def _written(name: str, keywords: list[ast.keyword]) -> Written:
    given = {each.arg: each.value for each in keywords}
    assert None not in given, f"{name}: fields that cannot be read off the source"
    level = ast.unparse(given["level"]).rpartition(".")[2] if "level" in given else "INFO"
    return Written(name, level.lower(), frozenset(str(arg) for arg in given) - _ARGUMENTS)


def _texts(node: ast.expr, module: ast.Module) -> list[str]:
    """What a name can be: a text, or one of those that a variable is set to."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.IfExp(body=body, orelse=orelse):
            return [*_texts(body, module), *_texts(orelse, module)]
        case ast.Name(id=name):
            values = [
                each.value
                for each in ast.walk(module)
                if isinstance(each, ast.Assign) and name in map(ast.unparse, each.targets)
            ]
            if not values:
                return _texts(node, _imported_from(name, module))
            return [text for value in values for text in _texts(value, module)]
    raise AssertionError(f"an event whose name cannot be read: {ast.unparse(node)}")


def _imported_from(name: str, module: ast.Module) -> ast.Module:
    """The module of the app that this one has the name from."""
    for each in ast.walk(module):
        if isinstance(each, ast.ImportFrom) and name in (alias.name for alias in each.names):
            path = ROOT / f"{each.module}".replace(".", "/")
            return ast.parse(path.with_suffix(".py").read_text())
    raise AssertionError(f"{name} is set nowhere")
