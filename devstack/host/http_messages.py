"""Requests and answers between HTTP and the runtime's messages."""

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final, Literal
from urllib.parse import parse_qsl

import h11
from starlette.requests import Request
from starlette.responses import Response

from devstack.host.protos import RpcHttp, RpcHttpCookie, TypedData

MAX_BODY_BYTES = 100 * 1024 * 1024

# The server frames the answer itself, by the body's true length.
_FRAMING_HEADERS = frozenset({"connection", "content-length", "transfer-encoding"})
_SAME_SITE: Final[dict[str, Literal["lax", "strict", "none"] | None]] = {
    "None": None,
    "Lax": "lax",
    "Strict": "strict",
    "ExplicitNone": "none",
}
_BODYLESS = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class BodyTooLargeError(Exception):
    """The request's body is over the limit."""


class InvalidAnswerError(Exception):
    """The function's answer cannot be sent as HTTP; the message says why."""


async def read_body(request: Request) -> bytes:
    """Read the body; raises BodyTooLargeError, as early as it can be known."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > MAX_BODY_BYTES:
        raise BodyTooLargeError
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise BodyTooLargeError
    return bytes(body)


def rpc_request(request: Request, body: bytes, route_values: Mapping[str, str]) -> TypedData:
    """Return what the runtime turns into ``azure.functions.HttpRequest``."""
    query = request.scope["query_string"].decode("latin-1")
    path = request.scope["raw_path"].decode("latin-1")
    host = request.headers.get("host", "")
    return TypedData(
        http=RpcHttp(
            method=request.method,
            url=f"{request.scope['scheme']}://{host}{path}" + (f"?{query}" if query else ""),
            headers=_joined_headers(request),
            params=dict(route_values),
            query=_joined_query(query),
            body=TypedData(bytes=body),
        )
    )


def http_response(value: TypedData | None) -> Response:
    """Return the answer that a function gave; raises InvalidAnswerError."""
    if value is None:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    kind = value.WhichOneof("data")
    if kind != "http":
        return Response(getattr(value, str(kind)), media_type="text/plain")
    return _full_response(value.http)


def _joined_query(query: str) -> dict[str, str]:
    """As ASP.NET Core and the real host make it: no empty ones, and a name has no case."""
    joined: dict[str, str] = {}
    names: dict[str, str] = {}
    for name, value in parse_qsl(query):
        first = names.setdefault(name.lower(), name)
        joined[first] = f"{joined[first]},{value}" if first in joined else value
    return joined


def _joined_headers(request: Request) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def _full_response(answer: RpcHttp) -> Response:
    try:
        status = int(answer.status_code)
        response = Response(b"" if status in _BODYLESS else answer.body.bytes, status)
        for name, value in answer.headers.items():
            if name.lower() not in _FRAMING_HEADERS:
                response.headers[name] = value
        for cookie in answer.cookies or ():
            _set_cookie(response, cookie)
        # The server's own check, made before it is too late to answer something else.
        h11.Response(status_code=status, headers=response.raw_headers)
    except (h11.LocalProtocolError, ValueError) as error:
        raise InvalidAnswerError(f"cannot be sent as HTTP: {error}") from error
    return response


def _set_cookie(response: Response, cookie: RpcHttpCookie) -> None:
    def attribute(name: str) -> Any:
        nullable = getattr(cookie, name)
        return nullable.value if nullable and nullable.value != "" else None

    expires, max_age = attribute("expires"), attribute("max_age")
    response.set_cookie(
        cookie.name,
        cookie.value,
        max_age=None if max_age is None else int(max_age),
        expires=expires and datetime.fromtimestamp(expires.seconds, UTC),
        path=attribute("path"),
        domain=attribute("domain"),
        secure=bool(attribute("secure")),
        httponly=bool(attribute("http_only")),
        samesite=_SAME_SITE[cookie.same_site.name],
    )
