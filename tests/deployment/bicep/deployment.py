"""What a template would deploy: every resource by its id, with names and properties worked out.

As Azure Resource Manager does it, as far as the templates need: parameters are held to their types
and decorators, conditions and loops are carried out, modules get their own scope. What a resource
that is not deployed would have to say is an error.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tree_sitter import Node

from tests.deployment.bicep.syntax import (
    BicepError,
    BicepFile,
    Declaration,
    declaration_of,
    read,
    text_of,
    waivers,
)
from tests.deployment.bicep.values import Later, Scope, evaluate, properties_of

SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-00000000aaaa"
TENANT = "00000000-0000-0000-0000-00000000bbbb"
_TYPES = {"string": str, "int": int, "bool": bool, "array": list, "object": dict}
_AUTHORIZATION = "Microsoft.Authorization/"


@dataclass(frozen=True, eq=False)
class Resource:
    """A resource as it would be deployed.

    Attributes:
        type: As ``Microsoft.Storage/storageAccounts``, without its version.
        name: All segments, as ``account/default/queue``.
        id: Where it is; for a role assignment what it is assigned on comes first.
        scope: The id of what it is deployed on.
        waived: Checkov's checks that are waived in its source, with their reasons.
    """

    type: str
    api_version: str
    name: str
    id: str
    scope: str
    body: Mapping[str, Any]
    waived: Mapping[str, str] = field(default_factory=dict)

    @property
    def properties(self) -> Mapping[str, Any]:
        """What the resource is like."""
        found: Mapping[str, Any] = self.body.get("properties", {})
        return found

    def member(self, name: str) -> Any:
        """What an expression can read of it; what Azure decides is named, not known."""
        known = {"id": self.id, "name": self.name.rpartition("/")[2]}
        return known[name] if name in known else Later(f"<{self.name}>").member(name)


@dataclass(frozen=True)
class _Absent:
    """A module or resource whose condition is false."""

    name: str

    def member(self, name: str) -> Any:
        raise BicepError(f"{self.name} is not deployed, but its {name} is asked for")


class Template:
    """One file with its parameters; a module of another, or the main one."""

    def __init__(
        self,
        file: BicepFile,
        parameters: Mapping[str, Any],
        *,
        scope: str = SUBSCRIPTION,
        subscription: str = SUBSCRIPTION,
        tenant: str = TENANT,
    ) -> None:
        """Nothing is worked out yet."""
        self._file = file
        self._given = parameters
        self._at = scope
        self._subscription, self._tenant = subscription, tenant
        self._known: dict[str, Any] = {}
        self._working_on: list[str] = []
        self._resources: list[Resource] = []
        self._scope = Scope(self._lookup, self._platform(), {})
        unknown = parameters.keys() - {each.name for each in file.of_kind("param")}
        if unknown:
            raise BicepError(f"{file.path.name} has no parameters {sorted(unknown)}")

    def resources(self) -> list[Resource]:
        """All that would be deployed, that of modules too."""
        for name in self._file.declarations:
            self._lookup(name)
        return self._resources

    def outputs(self) -> dict[str, Any]:
        """The values of all outputs."""
        return {name: self.member(name) for name in self._file.outputs}

    def member(self, name: str) -> Any:
        """The value of one output."""
        declared = self._file.outputs.get(name)
        if declared is None or declared.value is None:
            raise BicepError(f"{self._file.path.name} has no output {name}")
        return _checked(declared, evaluate(declared.value, self._scope))

    def _lookup(self, name: str) -> Any:
        if name not in self._known:
            declared = self._file.declarations.get(name)
            if declared is None or name in self._working_on:
                raise BicepError(f"{self._file.path.name}: {name} is unknown, or needs itself")
            self._working_on.append(name)
            self._known[name] = getattr(self, f"_{declared.kind}")(declared)
            self._working_on.remove(name)
        return self._known[name]

    def _param(self, declared: Declaration) -> Any:
        if declared.name in self._given:
            return _checked(declared, self._given[declared.name])
        if declared.value is None:
            raise BicepError(f"{self._file.path.name} needs parameter {declared.name}")
        return _checked(declared, evaluate(declared.value, self._scope))

    def _var(self, declared: Declaration) -> Any:
        assert declared.value is not None
        return evaluate(declared.value, self._scope)

    def _resource(self, declared: Declaration, parent: Resource | None = None) -> Any:
        return self._each(declared, partial(self._deploy, declared, parent))

    def _module(self, declared: Declaration) -> Any:
        return self._each(declared, partial(self._call, declared))

    def _each(self, declared: Declaration, make: Any) -> Any:
        node = declared.value
        assert node is not None
        if node.type == "for_statement":
            loop, over, body = node.named_children
            names = [text_of(each) for each in loop.named_children or [loop]]
            items = evaluate(over, self._scope)
            return [
                make(body, self._scope.with_local(**dict(zip(names, (item, i), strict=False))))
                for i, item in enumerate(items)
            ]
        if node.type == "if_statement":
            condition, body = node.named_children
            wanted = evaluate(condition, self._scope)
            return make(body, self._scope) if wanted else _Absent(declared.name)
        return make(node, self._scope)

    def _call(self, declared: Declaration, body: Node, scope: Scope) -> Mapping[str, Any]:
        called = properties_of(body, scope)
        at = called["scope"].id if "scope" in called else self._at
        module = Template(
            read(self._file.path.parent / declared.type_name),
            called["params"],
            scope=at,
            subscription=self._subscription,
            tenant=self._tenant,
        )
        self._resources += module.resources()
        return {"outputs": module, "name": called["name"]}

    def _deploy(
        self, declared: Declaration, parent: Resource | None, body: Node, scope: Scope
    ) -> Resource:
        members = properties_of(body, scope)
        parent = members.pop("parent", parent)
        on = members.pop("scope", None)
        members.pop("dependsOn", None)  # only the order; that its names are declared is known now
        type_name, _, version = declared.type_name.partition("@")
        if parent is not None:
            type_name = f"{parent.type}/{type_name.removeprefix(f'{parent.type}/')}"
        resource = Resource(
            type=type_name,
            api_version=version or (parent.api_version if parent else ""),
            name="/".join(filter(None, (parent.name if parent else "", members["name"]))),
            id=self._id(type_name, members["name"], parent, on.id if on else self._at),
            scope=on.id if on else self._at,
            body=members,
            waived={**self._file.waived, **waivers(body)},
        )
        self._resources.append(resource)
        for nested in _nested(body):
            self._known[nested.name] = self._resource(nested, resource)
        return resource

    def _id(self, type_name: str, name: str, parent: Resource | None, on: str) -> str:
        if parent is not None:
            return f"{parent.id}/{type_name.rpartition('/')[2]}/{name}"
        if type_name == "Microsoft.Resources/resourceGroups":
            return f"{on}/resourceGroups/{name}"
        return f"{on}/providers/{type_name}/{name}"

    def _platform(self) -> Mapping[str, Any]:
        return {
            "subscription": lambda: {"id": self._subscription, "tenantId": self._tenant},
            "resourceGroup": lambda: {"id": self._at, "name": self._at.rpartition("/")[2]},
            "environment": lambda: {
                "suffixes": {"storage": "core.windows.net"},
                "authentication": {"loginEndpoint": "https://login.microsoftonline.com/"},
            },
            "loadTextContent": lambda path: (self._file.path.parent / path).read_text(),
            "subscriptionResourceId": lambda kind, name: (
                f"{self._subscription}/providers/{kind}/{name}"
            ),
        }


def _nested(body: Node) -> Iterator[Declaration]:
    for child in body.named_children:
        found = child.named_children[0] if child.type == "object_property" else child
        if found.type == "resource_declaration":
            yield declaration_of(found)


def _checked(declared: Declaration, value: Any) -> Any:
    """The value, if it is of the type and within the bounds that are declared for it."""
    wanted = _TYPES[declared.type_name]
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise BicepError(f"{declared.name} must be {declared.type_name}, not {value!r}")
    bounds = {
        name: evaluate(arguments[0], Scope(_no_name, {}, {}))
        for name, arguments in declared.decorators.items()
        if arguments and name not in {"metadata", "description"}
    }
    size = _size(value)
    too_small = size < bounds.get("minValue", bounds.get("minLength", size))
    too_large = size > bounds.get("maxValue", bounds.get("maxLength", size))
    if value not in bounds.get("allowed", [value]) or too_small or too_large:
        raise BicepError(f"{declared.name} may not be {value!r}")
    return value


def _size(value: Any) -> int:
    return value if isinstance(value, int) else len(value)


def _no_name(name: str) -> Any:
    raise BicepError(f"{name} cannot be used in a decorator")
