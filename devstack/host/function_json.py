"""A function's folder: function.json, checked down to what the local host does.

Whatever it does not do (other triggers, outputs but the HTTP answer) is refused here, so that an
app never runs locally with a binding quietly missing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from devstack.host.errors import AppConfigurationError
from devstack.host.host_json import read_json_text
from devstack.host.routing import RouteTemplate
from devstack.host.schedule import Schedule
from devstack.host.settings import (
    is_disabled,
    is_true,
    resolve_references,
    storage_connection_string,
)

_TRIGGER_TYPES = ("httpTrigger", "queueTrigger", "timerTrigger")
_QUEUE_NAME = re.compile(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class HttpTrigger:
    """Runs for requests on a route."""

    route: RouteTemplate


@dataclass(frozen=True)
class QueueTrigger:
    """Runs for each message of a queue."""

    queue_name: str
    connection_string: str = field(repr=False)


@dataclass(frozen=True)
class TimerTrigger:
    """Runs on a schedule."""

    schedule: Schedule


type Trigger = HttpTrigger | QueueTrigger | TimerTrigger


class Binding(msgspec.Struct, rename="camel", frozen=True):
    """One entry of ``bindings``, with the members of every type that the host knows."""

    type: str
    name: str
    direction: str = "in"
    data_type: Literal["string"] | None = None
    route: str | None = None
    methods: tuple[str, ...] = ()
    queue_name: str | None = None
    connection: str = "AzureWebJobsStorage"
    schedule: str | None = None
    run_on_startup: bool = False


@dataclass(frozen=True)
class FunctionDefinition:
    """One function of the app, as its function.json describes it."""

    name: str
    script: Path
    entry_point: str
    trigger: Trigger
    trigger_parameter: str
    bindings: Mapping[str, Binding]


class _FunctionJson(msgspec.Struct, rename="camel"):
    bindings: tuple[Binding, ...]
    script_file: str = "__init__.py"
    entry_point: str = "main"
    disabled: bool | str = False
    retry: object = None


def read_functions(app: Path, environ: Mapping[str, str]) -> tuple[FunctionDefinition, ...]:
    """Read each function that is not disabled; raises AppConfigurationError."""
    paths = sorted(app.glob("*/function.json"))
    if not paths:
        raise AppConfigurationError(f"{app} has no functions: no folder in it has a function.json")
    functions = []
    for path in paths:
        try:
            function = _read_function(path, environ)
        except (ValueError, AppConfigurationError) as error:
            raise AppConfigurationError(f"{path.parent.name}/function.json: {error}") from error
        if function is not None:
            functions.append(function)
    return tuple(functions)


def _read_function(path: Path, environ: Mapping[str, str]) -> FunctionDefinition | None:
    function = msgspec.json.decode(read_json_text(path), type=_FunctionJson)
    name = path.parent.name
    if _is_off(name, function, environ):
        return None
    if function.retry is not None:
        raise AppConfigurationError("the local host knows no retry policies ('retry')")
    binding = _only_trigger(function.bindings)
    return FunctionDefinition(
        name=name,
        script=(path.parent / function.script_file).resolve(),
        entry_point=function.entry_point,
        trigger=_trigger(name, binding, environ),
        trigger_parameter=binding.name,
        bindings={each.name: each for each in function.bindings},
    )


def _is_off(name: str, function: _FunctionJson, environ: Mapping[str, str]) -> bool:
    if isinstance(function.disabled, str):
        return is_true(environ.get(function.disabled.strip("%"), "")) or is_disabled(name, environ)
    return function.disabled or is_disabled(name, environ)


def _only_trigger(bindings: tuple[Binding, ...]) -> Binding:
    for binding in bindings:
        _check_supported(binding)
    triggers = [binding for binding in bindings if binding.type in _TRIGGER_TYPES]
    if len(triggers) != 1:
        raise AppConfigurationError(f"needs exactly one trigger, has {len(triggers)}")
    answers = len(bindings) - len(triggers)
    if answers != (1 if triggers[0].type == "httpTrigger" else 0):
        raise AppConfigurationError(
            "an httpTrigger needs one binding of type 'http', direction 'out' and name "
            "'$return'; other triggers have none"
        )
    return triggers[0]


def _check_supported(binding: Binding) -> None:
    if binding.type == "http":
        if (binding.direction, binding.name) != ("out", "$return"):
            raise AppConfigurationError(
                f"binding {binding.name!r}: the local host answers HTTP by direction 'out' and "
                "name '$return' only"
            )
    elif binding.type not in _TRIGGER_TYPES:
        raise AppConfigurationError(
            f"binding {binding.name!r} has type {binding.type!r}, which the local host does not "
            f"do: it knows {', '.join(_TRIGGER_TYPES)} and http"
        )
    elif binding.direction != "in":
        raise AppConfigurationError(
            f"binding {binding.name!r} has direction {binding.direction!r}: a trigger is 'in'"
        )


def _trigger(name: str, binding: Binding, environ: Mapping[str, str]) -> Trigger:
    if binding.type == "httpTrigger":
        return HttpTrigger(RouteTemplate.parse(binding.route or name, binding.methods))
    if binding.type == "queueTrigger":
        return _queue_trigger(binding, environ)
    if binding.run_on_startup:
        raise AppConfigurationError(
            "runOnStartup fires on every restart and scale-out: the local host refuses it; "
            "fire the timer by hand with POST /admin/functions/" + name
        )
    return TimerTrigger(Schedule(resolve_references(_required(binding, "schedule"), environ)))


def _queue_trigger(binding: Binding, environ: Mapping[str, str]) -> QueueTrigger:
    queue_name = resolve_references(_required(binding, "queueName"), environ).lower()
    if not _QUEUE_NAME.fullmatch(queue_name):
        raise AppConfigurationError(
            f"{queue_name!r} is not a queue name: 3 to 63 letters, digits and single hyphens"
        )
    return QueueTrigger(queue_name, storage_connection_string(binding.connection, environ))


def _required(binding: Binding, member: str) -> str:
    value = binding.schedule if member == "schedule" else binding.queue_name
    if not value:
        raise AppConfigurationError(f"binding {binding.name!r} has no {member}")
    return value
