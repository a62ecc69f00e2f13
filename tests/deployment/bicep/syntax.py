"""Bicep files as trees: their declarations, by name.

The grammar is tree-sitter's, whose parser is quick; there is no Bicep compiler to be had by the
package registries. What it does not know is an error here, never skipped.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

_KINDS = {
    "parameter_declaration": "param",
    "variable_declaration": "var",
    "resource_declaration": "resource",
    "module_declaration": "module",
    "output_declaration": "output",
}
_WAIVER = re.compile(r"//\s*checkov:skip=(?P<check>\w+):\s*(?P<reason>.+)")


class BicepError(Exception):
    """What a compiler, or the deployment itself, would refuse."""


@dataclass(frozen=True)
class Declaration:
    """A parameter, variable, resource, module or output.

    Attributes:
        kind: ``param``, ``var``, ``resource``, ``module`` or ``output``.
        type_name: A parameter's or output's type, a resource's type and version, a module's path.
        decorators: The arguments of each decorator, as they are written in the tree.
        value: The expression, or the loop or condition around it; None for a parameter without.
    """

    kind: str
    name: str
    type_name: str
    value: Node | None
    decorators: dict[str, list[Node]] = field(default_factory=dict)


@dataclass(frozen=True)
class BicepFile:
    """One file: what is declared in it, and under which decorators."""

    path: Path
    root: Node
    declarations: dict[str, Declaration]
    outputs: dict[str, Declaration]

    @property
    def waived(self) -> dict[str, str]:
        """What comments between its declarations waive, for every resource of the file."""
        return _waivers(node for node in self.root.children if node.type == "comment")

    def of_kind(self, kind: str) -> list[Declaration]:
        """Its declarations of one kind, in order."""
        found = (*self.declarations.values(), *self.outputs.values())
        return [each for each in found if each.kind == kind]


def text_of(node: Node) -> str:
    """The source of a node."""
    return (node.text or b"").decode()


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it."""
    yield node
    for child in node.children:
        yield from walk(child)


@cache
def read(path: Path) -> BicepFile:
    """Parse a file; ``BicepError`` names the line that is no Bicep."""
    root = Parser(Language(tree_sitter_bicep.language())).parse(path.read_bytes()).root_node
    for node in walk(root):
        if node.type == "ERROR" or node.is_missing:
            raise BicepError(f"{path.name}:{node.start_point.row + 1}: {text_of(node)[:60]!r}")
    declarations: dict[str, Declaration] = {}
    outputs: dict[str, Declaration] = {}
    for declaration in _declared(root):
        into = outputs if declaration.kind == "output" else declarations
        if declaration.name in into:
            raise BicepError(f"{path.name}: {declaration.name} is declared twice")
        into[declaration.name] = declaration
    return BicepFile(path, root, declarations, outputs)


def waivers(node: Node) -> dict[str, str]:
    """Checkov's checks that comments within the node waive, each with its reason."""
    return _waivers(each for each in walk(node) if each.type == "comment")


def _waivers(comments: Iterable[Node]) -> dict[str, str]:
    found = (_WAIVER.match(text_of(comment)) for comment in comments)
    return {match["check"]: match["reason"] for match in found if match}


def _declared(root: Node) -> Iterator[Declaration]:
    decorators: dict[str, list[Node]] = {}
    for node in root.named_children:
        if node.type == "decorators":
            decorators = dict(_decorator(each) for each in node.named_children)
        elif node.type in _KINDS:
            yield declaration_of(node, decorators)
            decorators = {}
        elif node.type not in {"comment", "target_scope_assignment"}:
            raise BicepError(f"cannot read a {node.type}")


def _decorator(node: Node) -> tuple[str, list[Node]]:
    call = node.named_children[0]
    name, arguments = call.named_children
    return text_of(name), arguments.named_children


def declaration_of(node: Node, decorators: dict[str, list[Node]] | None = None) -> Declaration:
    """What the node declares."""
    name, *rest = (child for child in node.named_children if child.type != "comment")
    kind = _KINDS[node.type]
    type_name = "" if kind == "var" else text_of(rest.pop(0)).strip("'")
    value = rest.pop(0) if rest else None
    if rest:
        raise BicepError(f"cannot read {text_of(node)[:60]!r}")
    return Declaration(kind, text_of(name), type_name, value, decorators or {})
