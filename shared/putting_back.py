"""Puts a message of ``cancel-requests`` back that cannot be worked on at all for now.

The host would give it five tries and then poison it, which is for messages that nobody can
process, not for storage or settings that somebody will mend.
"""

from datetime import datetime

from msgspec.structs import replace

from shared.errors import InvalidRequestError
from shared.models import CancelRequest, from_json, to_json
from shared.queues import Queue, QueuedMessage, plain_text
from shared.telemetry import event

LAST_TRY = 5  # maxDequeueCount of host.json: after this one the host poisons
DELAY_SECONDS = 300.0


def meant_at(request: CancelRequest, message: QueuedMessage) -> datetime:
    """When a request was made, on Storage's clock, by which producers are taken to go as well."""
    return min(request.meant_requested_at or message.inserted_at, message.inserted_at)


def put_back(requests: Queue, message: QueuedMessage) -> None:
    """Put the message back for five minutes, with the id and the age that it has so far.

    Raises:
        StorageUnavailableError: The queue cannot be written either.
    """
    try:
        request = from_json(plain_text(message.text), CancelRequest)
    except InvalidRequestError:
        requests.put(message.text, DELAY_SECONDS)  # judged once there is somebody to tell
        return
    request_id = request.request_id or message.id
    copy = replace(request, request_id=request_id, requested_at=meant_at(request, message))
    requests.put(to_json(copy), DELAY_SECONDS)
    event("request-put-back", request_id=request_id, seconds=DELAY_SECONDS)
