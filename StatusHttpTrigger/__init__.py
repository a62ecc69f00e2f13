"""Tells callers how far a request has come, and takes it back for them."""

import azure.functions as func

from shared import environment, parts, wiring
from shared.http_answers import HttpAnswer
from shared.http_trigger import headers_of, respond
from shared.request_status import StatusCall, find_request, status_answer


def main(req: func.HttpRequest) -> func.HttpResponse:
    """GET answers the request's status, DELETE withdraws it."""
    call = StatusCall(
        publisher_id=req.route_params.get("publisherId", ""),
        offer_id=req.route_params.get("offerId", ""),
        request_id=req.route_params.get("requestId", ""),
        api_version=req.params.get("api-version"),
        headers=headers_of(req),
    )
    return respond(lambda: _answered(req.method, call))


def _answered(method: str, call: StatusCall) -> HttpAnswer:
    if method == "DELETE":
        return wiring.withdrawal().withdraw(call)
    return status_answer(find_request(parts.ledger(), call, environment.callers()))
