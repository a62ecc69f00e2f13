"""The host's HTTP side: the app's routes, and firing a function by hand."""

import logging
from collections.abc import Sequence
from http import HTTPStatus

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from devstack.host.admin import AdminApi
from devstack.host.function_json import FunctionDefinition, HttpTrigger
from devstack.host.http_messages import (
    BodyTooLargeError,
    InvalidAnswerError,
    http_response,
    read_body,
    rpc_request,
)
from devstack.host.routing import RouteTable, UnreadablePathError, path_segments
from devstack.host.runtime import FunctionRuntime


class HttpListener:
    """The ASGI application that stands for the function app.

    ``authLevel`` is not enforced, as with Azure Functions Core Tools on one's own machine.
    """

    def __init__(
        self,
        functions: Sequence[FunctionDefinition],
        route_prefix: str,
        runtime: FunctionRuntime,
        admin: AdminApi,
    ) -> None:
        """Lay out the routes of the functions with an HTTP trigger."""
        self._runtime = runtime
        self._admin = admin
        self._routes = RouteTable[FunctionDefinition](route_prefix)
        for function in functions:
            if isinstance(function.trigger, HttpTrigger):
                self._routes.add(function.trigger.route, function)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            response = await self._respond(request)
        except ClientDisconnect:
            return
        except BodyTooLargeError:
            # The rest of the body stays unread, so the connection cannot be used again.
            response = Response(
                status_code=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, headers={"connection": "close"}
            )
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        try:
            segments = path_segments(request.scope["raw_path"])
        except UnreadablePathError:
            return Response(status_code=HTTPStatus.BAD_REQUEST)
        if segments[:1] == ("admin",):
            return await self._admin.respond(request, segments[1:])
        found = self._routes.find(request.method, segments)
        if found is None:
            return Response(status_code=HTTPStatus.NOT_FOUND)
        function, route_values = found
        trigger = rpc_request(request, await read_body(request), route_values)
        result = await self._runtime.invoke(function, trigger)
        if not result.succeeded:
            return Response(status_code=HTTPStatus.INTERNAL_SERVER_ERROR)
        try:
            return http_response(result.return_value)
        except InvalidAnswerError as error:
            logging.getLogger(f"Function.{function.name}").error("its answer %s", error)  # noqa: TRY400  # the traceback is ours, the mistake is not
            return Response(status_code=HTTPStatus.INTERNAL_SERVER_ERROR)
