"""Between an HTTP trigger and the app; the one module of the package that knows the platform."""

from collections.abc import Callable

import azure.functions as func

from shared.http_answers import HttpAnswer, answer


def headers_of(req: func.HttpRequest) -> dict[str, str]:
    """The headers of a request, their names in lower case."""
    return {name.lower(): value for name, value in req.headers.items()}


def respond(serve: Callable[[], HttpAnswer]) -> func.HttpResponse:
    """The answer as the platform sends it, or the one that says what went wrong."""
    answered = answer(serve)
    return func.HttpResponse(
        answered.body,
        status_code=answered.status_code,
        headers=dict(answered.headers),
        mimetype="application/json",
    )
