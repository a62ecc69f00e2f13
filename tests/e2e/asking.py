"""How the tests ask for cancellations: over HTTP, byte by byte, and on the queue."""

import contextlib
import http.client
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import ResourceExistsError
from azure.storage.queue import QueueClient

from devstack.stack import Stack
from shared.queues import CANCEL_REQUESTS

PUBLISHER = "contoso"
ANA, BOB = "ana@example.com", "bob@example.com"
EMAILS = f"{ANA},{BOB}"
ANSWER_SECONDS = 60.0


@dataclass(frozen=True)
class Answered:
    """What an HTTP function answered."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def members(self) -> dict[str, Any]:
        """The JSON object in the body."""
        members = json.loads(self.body)
        assert isinstance(members, dict)
        return members

    @property
    def error(self) -> tuple[str, str]:
        """Code and message of the error envelope, which holds nothing else."""
        assert self.headers["Content-Type"].startswith("application/json")
        members = self.members
        assert list(members) == ["error"]
        assert sorted(members["error"]) == ["code", "message"]
        return members["error"]["code"], members["error"]["message"]


def path_of(offer: str, publisher: str = PUBLISHER) -> str:
    return f"/api/publishers/{publisher}/offers/{offer}/cancel"


def send(
    stack: Stack,
    target: str,
    body: bytes | str | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "POST",
) -> Answered:
    """One request as it stands: nothing in its target is resolved or encoded."""
    content = body.encode() if isinstance(body, str) else body
    typed = {} if content is None else {"Content-Type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", stack.host.port, timeout=ANSWER_SECONDS)
    with contextlib.closing(connection):
        connection.request(method, target, content, {**typed, **(headers or {})})
        with connection.getresponse() as answer:
            return Answered(answer.status, answer.headers, answer.read())


def with_emails(emails: str = EMAILS, **members: object) -> str:
    """A body for the cancel call."""
    return json.dumps({"metadata": {"notification-emails": emails}, **members})


def ask(stack: Stack, offer: str, *, publisher: str = PUBLISHER) -> str:
    """Ask over HTTP to cancel what runs on an offer; returns the request's id."""
    answered = send(stack, f"{path_of(offer, publisher)}?api-version=2017-10-31", with_emails(), {})
    assert answered.status == 202, answered.body
    return str(answered.members["id"])


def message_for(offer: str, **members: object) -> str:
    """A message as another service would write it, in plain JSON."""
    known = {
        "publisherId": PUBLISHER,
        "offerId": offer,
        "metadata": {"notification-emails": EMAILS},
    }
    return json.dumps({**known, **members})


@contextlib.contextmanager
def queue_of(stack: Stack, name: str = CANCEL_REQUESTS) -> Iterator[QueueClient]:
    """A client of the Storage SDK as it comes: it encodes nothing."""
    client = QueueClient.from_connection_string(
        stack.storage.connection_string, name, use_env_settings=False
    )
    with client:
        with contextlib.suppress(ResourceExistsError):
            client.create_queue()
        yield client


def enqueue(stack: Stack, text: str, queue: str = CANCEL_REQUESTS) -> str:
    """Put a text on a queue as it stands; returns the message's id."""
    with queue_of(stack, queue) as client:
        return str(client.send_message(text).id)
