"""Lists the requests of the last months, the newest first; to browsers as a page."""

import azure.functions as func

from shared import environment, parts, wiring
from shared.http_trigger import headers_of, respond
from shared.list_answer import list_answer
from shared.list_query import ListCall
from shared.models import utc_now
from shared.page.negotiation import VARY, wants_html


def main(req: func.HttpRequest) -> func.HttpResponse:
    """Answer a page of the requests that the caller may see, or one request's story as HTML."""
    call = ListCall(query=dict(req.params), headers=headers_of(req))
    if wants_html(call.headers.get("accept", "")):
        from shared.page.serving import page_answer  # loads what JSON does without

        return respond(lambda: page_answer(call, wiring.duty_page, utc_now), VARY)
    return respond(
        lambda: list_answer(parts.listing(), call, environment.callers(), environment.policy()),
        VARY,
    )
