"""What Bicep's expressions come to."""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tree_sitter import Node

from tests.deployment.bicep.functions import FUNCTIONS
from tests.deployment.bicep.syntax import BicepError, text_of

_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", "$": "$"}
_STRICT: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "+": operator.add,
    "-": operator.sub,
}


class Later(str):
    """A text that Azure alone knows; its own text says what it is."""

    __slots__ = ()

    def member(self, name: str) -> "Later":
        """What is inside of it."""
        return Later(f"<{self.strip('<>')}.{name}>")


class HasMembers(Protocol):
    """What knows its members by itself: a resource, a module."""

    def member(self, name: str) -> Any:
        """The value of a member."""


@dataclass(frozen=True)
class Scope:
    """What names mean.

    Attributes:
        names: Looks a declared name up; raises ``BicepError`` for one that is not declared.
        local: The variables of loops and lambdas.
        platform: What ``subscription()`` and the like return.
    """

    names: Callable[[str], Any]
    platform: Mapping[str, Callable[..., Any]]
    local: Mapping[str, Any]

    def with_local(self, **names: Any) -> "Scope":
        """The same, with more local names."""
        return Scope(self.names, self.platform, {**self.local, **names})

    def lookup(self, name: str) -> Any:
        """What the name means here."""
        return self.local[name] if name in self.local else self.names(name)


def evaluate(node: Node, scope: Scope) -> Any:
    """The value of an expression; ``BicepError`` where it has none."""
    reader = _READERS.get(node.type)
    if reader is None:
        raise BicepError(f"cannot read a {node.type}: {text_of(node)[:60]!r}")
    return reader(node, scope)


def member_of(value: Any, name: str) -> Any:
    """A member of a value; ``BicepError`` for one that it does not have."""
    if isinstance(value, Mapping):
        if name not in value:
            raise BicepError(f"there is no member {name}")
        return value[name]
    if hasattr(value, "member"):
        return value.member(name)
    raise BicepError(f"{value!r} has no member {name}")


def properties_of(node: Node, scope: Scope) -> dict[str, Any]:
    """The members of an object, without the resources nested in it."""
    members = (child for child in node.named_children if child.type == "object_property")
    pairs = [each.named_children for each in members]
    return {
        _key(pair[0], scope): evaluate(pair[1], scope)
        for pair in pairs
        if pair[0].type != "resource_declaration"
    }


def _key(node: Node, scope: Scope) -> str:
    return text_of(node) if node.type == "identifier" else str(evaluate(node, scope))


def _string(node: Node, scope: Scope) -> str:
    # From the source: the tree leaves out blanks that stand between its parts.
    source, begin = node.text or b"", node.start_byte
    parts: list[str] = []
    at = 1
    for child in (each for each in node.named_children if each.type == "interpolation"):
        parts.append(_unescaped(source[at : child.start_byte - begin]))
        value = evaluate(child.named_children[0], scope)
        parts.append(str(value).lower() if isinstance(value, bool) else str(value))
        at = child.end_byte - begin
    parts.append(_unescaped(source[at:-1]))
    return "".join(parts)


def _unescaped(source: bytes) -> str:
    return _ESCAPE.sub(lambda found: _ESCAPED[found[1]], source.decode())


def _array(node: Node, scope: Scope) -> list[Any]:
    return [evaluate(each, scope) for each in node.named_children if each.type != "comment"]


def _call(node: Node, scope: Scope) -> Any:
    name = text_of(node.named_children[0])
    function = FUNCTIONS.get(name) or scope.platform.get(name)
    if function is None:
        raise BicepError(f"there is no function {name}")
    return function(*_array(node.named_children[1], scope))


def _lambda(node: Node, scope: Scope) -> Callable[[Any], Any]:
    name, body = node.named_children
    return lambda value: evaluate(body, scope.with_local(**{text_of(name): value}))


def _binary(node: Node, scope: Scope) -> Any:
    left, sign, right = (child for child in node.children if child.type != "comment")
    first = evaluate(left, scope)
    match text_of(sign):
        case "&&":
            return first and evaluate(right, scope)
        case "||":
            return first or evaluate(right, scope)
        case found if found in _STRICT:
            return _STRICT[found](first, evaluate(right, scope))
    raise BicepError(f"cannot work out {text_of(sign)}")


def _unary(node: Node, scope: Scope) -> Any:
    if text_of(node.children[0]) != "!":
        raise BicepError(f"cannot work out {text_of(node)}")
    return not evaluate(node.named_children[0], scope)


def _ternary(node: Node, scope: Scope) -> Any:
    condition, if_so, if_not = node.named_children
    return evaluate(if_so if evaluate(condition, scope) else if_not, scope)


def _subscript(node: Node, scope: Scope) -> Any:
    value, index = (evaluate(each, scope) for each in node.named_children)
    if isinstance(index, int) and isinstance(value, list):
        return value[index]
    return member_of(value, f"[{index}]" if isinstance(index, int) else index)


_READERS: dict[str, Callable[[Node, Scope], Any]] = {
    "array": _array,
    "binary_expression": _binary,
    "boolean": lambda node, _: text_of(node) == "true",
    "call_expression": _call,
    "identifier": lambda node, scope: scope.lookup(text_of(node)),
    "lambda_expression": _lambda,
    "member_expression": lambda node, scope: member_of(
        evaluate(node.named_children[0], scope), text_of(node.named_children[1])
    ),
    "null": lambda node, scope: None,
    "number": lambda node, _: int(text_of(node)),
    "object": properties_of,
    "parenthesized_expression": lambda node, scope: evaluate(node.named_children[0], scope),
    "string": _string,
    "subscript_expression": _subscript,
    "ternary_expression": _ternary,
    "unary_expression": _unary,
}
