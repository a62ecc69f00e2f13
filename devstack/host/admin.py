"""``POST /admin/functions/{name}``: firing a function by hand, as in Azure."""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from devstack.host.function_json import FunctionDefinition, HttpTrigger, TimerTrigger
from devstack.host.http_messages import read_body
from devstack.host.protos import TypedData
from devstack.host.queue_message import manual_trigger_metadata
from devstack.host.runtime import FunctionRuntime, InvocationResult
from devstack.host.timer_listener import timer_request


class _Fire(msgspec.Struct):
    input: str = ""


class AdminApi:
    """Starts invocations that no trigger asked for; what they come to is in the log."""

    def __init__(self, functions: Sequence[FunctionDefinition], runtime: FunctionRuntime) -> None:
        """Take the functions that can be fired."""
        self._functions = {function.name.lower(): function for function in functions}
        self._runtime = runtime
        self._fired: set[asyncio.Task[InvocationResult]] = set()

    async def respond(self, request: Request, segments: Sequence[str]) -> Response:
        """Answer a request below ``/admin``."""
        match (request.method, *segments):
            case ("POST", "functions", name) if function := self._functions.get(name.lower()):
                return self._fire(function, await read_body(request))
            case _:
                return Response(status_code=HTTPStatus.NOT_FOUND)

    async def finish(self) -> None:
        """Return when the invocations under way have ended."""
        await asyncio.gather(*self._fired)

    def _fire(self, function: FunctionDefinition, body: bytes) -> Response:
        if isinstance(function.trigger, HttpTrigger):
            return _bad_request(f"{function.name} has an HTTP trigger: call its route instead")
        try:
            fire = msgspec.json.decode(body or b"{}", type=_Fire)
        except ValueError as error:
            return _bad_request(f'the body must be {{"input": "<text>"}}: {error}')
        if isinstance(function.trigger, TimerTrigger):
            invocation = self._runtime.invoke(function, timer_request(function.trigger.schedule))
        else:
            invocation = self._runtime.invoke(
                function, TypedData(string=fire.input), manual_trigger_metadata()
            )
        task = asyncio.create_task(invocation)
        self._fired.add(task)
        task.add_done_callback(self._fired.discard)
        return Response(status_code=HTTPStatus.ACCEPTED)


def _bad_request(message: str) -> Response:
    return PlainTextResponse(message, HTTPStatus.BAD_REQUEST)
