"""Lists the requests of the last months, the newest first."""

import azure.functions as func

from shared import environment, wiring
from shared.http_trigger import headers_of, respond
from shared.list_answer import list_answer
from shared.list_query import ListCall


def main(req: func.HttpRequest) -> func.HttpResponse:
    """Answer a page of the requests that the caller may see."""
    call = ListCall(query=dict(req.params), headers=headers_of(req))
    return respond(
        lambda: list_answer(wiring.listing(), call, environment.callers(), environment.policy())
    )
