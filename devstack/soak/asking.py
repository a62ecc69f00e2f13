"""The people and services that ask for cancellations, over HTTP and by queue, all the time."""

import base64
import json
import random
import threading
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import requests
from azure.core.exceptions import AzureError

from devstack.errors import StackError
from devstack.soak.offers import PUBLISHER, Offers, OfferStory, draw_story
from devstack.soak.queues import QUEUES, queue_of
from devstack.stack import Stack
from shared.queues import CANCEL_REQUESTS

ANSWER_SECONDS = 20.0
ASK_AGAIN_SECONDS = 0.3
_MOST_DUPLICATED = 4


@dataclass
class Asked:
    """A cancellation that somebody asked for, and asked for again until it was taken.

    Attributes:
        first_at: When it was asked for first; by queue, when the message says so.
        request_id: The id that it was taken under; empty until then.
        email: The address that only the last try gave, to tell whose cancel call is whose.
        taken_at: When it was taken.
    """

    offer: str
    by: str
    first_at: datetime
    request_id: str = ""
    email: str = ""
    taken_at: datetime | None = None


class Crowd:
    """Everybody who asks. Each of them is a thread that draws what it does next from the seed.

    Args:
        stack: Whom to ask.
        seed: Of what they do; not of when, which depends on the machine.
        pause: Seconds between two things that one of them does, on average.
        at_first: So many requests are made before anybody pauses.

    Attributes:
        is_patient: Whether nothing new is asked for, since enough is on its way.
    """

    def __init__(self, stack: Stack, seed: int, pause: float, at_first: int) -> None:
        """Ask nothing yet."""
        self.asked: list[Asked] = []
        self.offers = Offers(stack)
        self.duplicates = 0
        self.is_over = threading.Event()
        self.is_patient = False
        self._stack = stack
        self._seed = seed
        self._pause = pause
        self._at_first = at_first

    def act(self, number: int, enough: threading.Event) -> None:
        """Be one of them until it is enough; what was asked for is seen to its answer.

        Raises:
            StackError: An answer that no fault explains.
        """
        draw = random.Random(f"{self._seed} asker {number}")  # noqa: S311 - guards nothing
        with requests.Session() as session:
            session.trust_env = False
            while not enough.wait(self._next_pause(draw)):
                if not self.is_patient:
                    self._do_something(draw, session)

    def _next_pause(self, draw: random.Random) -> float:
        pause = draw.expovariate(1 / self._pause)
        return pause if len(self.asked) >= self._at_first else 0.0

    def _do_something(self, draw: random.Random, session: requests.Session) -> None:
        choice, known = draw.random(), self.offers.recent(draw)
        if known is None or choice < 0.55:
            story = draw_story(draw)
            self._ask(draw, session, self.offers.make(story), story)
        elif choice < 0.78:
            self._ask(draw, session, known, OfferStory(""))
        elif choice < 0.86:
            self.offers.publish(known)
        elif choice < 0.93:
            self.offers.end_publish(known, draw)
        else:
            self._duplicate(draw.choice(QUEUES))

    def _ask(
        self, draw: random.Random, session: requests.Session, offer: str, story: OfferStory
    ) -> None:
        named = self.offers.running(offer) if draw.random() < 0.25 else None
        if story.names_unknown:
            named = str(uuid.UUID(int=draw.getrandbits(128)))
        is_queued = bool(story.asked_seconds_ago) or draw.random() < 0.4
        at = datetime.now(UTC) - timedelta(seconds=story.asked_seconds_ago)
        asked = Asked(offer, "queue" if is_queued else "http", at)
        self.asked.append(asked)
        if is_queued:
            self._enqueue(draw, asked, named)
        else:
            self._post(session, asked, named)

    def _post(self, session: requests.Session, asked: Asked, named: str | None) -> None:
        url = f"{self._stack.url}/api/publishers/{PUBLISHER}/offers/{asked.offer}/cancel"
        while not self.is_over.is_set():
            body = {"metadata": {"notification-emails": self._next_email(asked)}}
            asked.first_at = datetime.now(UTC)
            try:
                answer = session.post(url, json=body | _naming(named), timeout=ANSWER_SECONDS)
            except requests.RequestException:
                self.is_over.wait(ASK_AGAIN_SECONDS)
                continue
            if answer.status_code == HTTPStatus.ACCEPTED:
                asked.request_id, asked.taken_at = str(answer.json()["id"]), datetime.now(UTC)
                return
            if answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise StackError(f"{asked.offer}: {answer.status_code} {answer.text}")
            self.is_over.wait(ASK_AGAIN_SECONDS)

    def _enqueue(self, draw: random.Random, asked: Asked, named: str | None) -> None:
        request_id = str(uuid.uuid4())
        message = {
            "publisherId": PUBLISHER,
            "offerId": asked.offer,
            "metadata": {"notification-emails": self._next_email(asked)},
            "requestId": request_id,
            "requestedAt": asked.first_at.isoformat(),
            **_naming(named),
        }
        text = json.dumps(message)
        if draw.random() < 0.5:
            text = base64.b64encode(text.encode()).decode()
        copies = draw.choice((1, 1, 1, 2, 3))
        self.duplicates += copies - 1
        with queue_of(self._stack, CANCEL_REQUESTS) as queue:
            while copies and not self.is_over.is_set():
                try:
                    queue.send_message(text)
                except AzureError:
                    self.is_over.wait(ASK_AGAIN_SECONDS)
                else:
                    asked.request_id, asked.taken_at = request_id, datetime.now(UTC)
                    copies -= 1

    def _duplicate(self, name: str) -> None:
        """Put again what is on a queue, as a queue that delivers twice would."""
        with queue_of(self._stack, name) as queue:
            try:
                for message in queue.peek_messages(_MOST_DUPLICATED):
                    queue.send_message(message.content, time_to_live=-1)
                    self.duplicates += 1
            except AzureError:
                return

    def _next_email(self, asked: Asked) -> str:
        asked.email = f"{uuid.uuid4().hex}@example.com"
        return asked.email


def _naming(operation_id: str | None) -> dict[str, str]:
    return {"operationId": operation_id} if operation_id else {}
