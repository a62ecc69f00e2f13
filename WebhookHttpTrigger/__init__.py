"""Takes cancel requests as webhooks of GitHub, GitLab, Azure DevOps and Standard Webhooks."""

import azure.functions as func

from shared import wiring
from shared.http_trigger import headers_of, respond
from shared.webhooks.reception import WebhookCall


def main(req: func.HttpRequest) -> func.HttpResponse:
    """Answer 202 once a request is on the queue, 200 to what asks for none."""
    call = WebhookCall(
        sender=req.route_params.get("sender", ""),
        publisher_id=req.route_params.get("publisherId", ""),
        offer_id=req.route_params.get("offerId", ""),
        query=dict(req.params),
        headers=headers_of(req),
        body=req.get_body(),
    )
    return respond(lambda: wiring.webhook_reception().receive(call))
