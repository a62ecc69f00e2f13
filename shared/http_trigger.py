"""Between an HTTP trigger and the app; the one module of the package that knows the platform."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import azure.functions as func

from shared.http_answers import Answer, answer

_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


def headers_of(req: func.HttpRequest) -> dict[str, str]:
    """The headers of a request, their names in lower case."""
    return {name.lower(): value for name, value in req.headers.items()}


def respond(
    serve: Callable[[], Answer], headers: Mapping[str, str] = _NO_HEADERS
) -> func.HttpResponse:
    """The answer as the platform sends it, or the one that says as JSON what went wrong.

    Args:
        serve: Makes the answer.
        headers: What goes with it besides its own, however it turns out.
    """
    answered = answer(serve)
    return func.HttpResponse(
        answered.body,
        status_code=answered.status_code,
        headers={**headers, **answered.headers},
        mimetype=answered.media_type,
    )
