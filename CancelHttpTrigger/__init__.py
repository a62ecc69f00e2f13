"""Accepts cancel requests over HTTP, with the path and body of Microsoft's Cancel operation API."""

import azure.functions as func

from shared import wiring
from shared.acceptance import CancelCall
from shared.http_trigger import headers_of, respond


def main(req: func.HttpRequest) -> func.HttpResponse:
    """Answer 202 once the request is on the queue, or say what is wrong with it."""
    call = CancelCall(
        publisher_id=req.route_params.get("publisherId", ""),
        offer_id=req.route_params.get("offerId", ""),
        api_version=req.params.get("api-version"),
        headers=headers_of(req),
        body=req.get_body(),
        query=req.params,
    )
    return respond(lambda: wiring.acceptance().accept(call))
