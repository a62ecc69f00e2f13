"""Takes cancel requests as webhooks of GitHub, GitLab, Azure DevOps and Standard Webhooks."""

import azure.functions as func

from shared import wiring
from shared.http_answers import answer
from shared.webhooks.reception import WebhookCall


def main(req: func.HttpRequest) -> func.HttpResponse:
    """Answer 202 once a request is on the queue, 200 to what asks for none."""
    call = WebhookCall(
        sender=req.route_params.get("sender", ""),
        publisher_id=req.route_params.get("publisherId", ""),
        offer_id=req.route_params.get("offerId", ""),
        query=dict(req.params),
        headers={name.lower(): value for name, value in req.headers.items()},
        body=req.get_body(),
    )
    answered = answer(lambda: wiring.webhook_reception().receive(call))
    return func.HttpResponse(
        answered.body,
        status_code=answered.status_code,
        headers=dict(answered.headers),
        mimetype="application/json",
    )
