"""The people and services that ask for cancellations, over HTTP and by queue, all the time."""

import base64
import json
import random
import threading
import uuid
from datetime import UTC, datetime, timedelta

import requests
from azure.core.exceptions import AzureError

from devstack.soak.asked import Asked
from devstack.soak.calling import ASK_AGAIN_SECONDS, Caller, naming, new_email
from devstack.soak.offers import PUBLISHER, Offers, OfferStory, draw_story
from devstack.soak.queues import QUEUES, queue_of
from devstack.stack import Stack
from shared.queues import CANCEL_REQUESTS

_MOST_DUPLICATED = 4
_RECENT = 120


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
        self.is_patient = False
        self._caller = Caller(stack)
        self._stack = stack
        self._seed = seed
        self._pause = pause
        self._at_first = at_first

    @property
    def is_over(self) -> threading.Event:
        """Set when nobody is to try again."""
        return self._caller.is_over

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
        if known is None or choice < 0.5:
            story = draw_story(draw)
            self._ask(draw, session, self.offers.make(story), story)
        elif choice < 0.7:
            self._ask(draw, session, known, OfferStory(""))
        elif choice < 0.77:
            self.offers.publish(known)
        elif choice < 0.83:
            self.offers.end_publish(known, draw)
        elif choice < 0.88:
            self._duplicate(draw.choice(QUEUES))
        else:
            self._come_back(draw, session)

    def _come_back(self, draw: random.Random, session: requests.Session) -> None:
        """Somebody has not heard of the answer, or has thought better of it."""
        known = [asked for asked in self.asked if asked.ids][-_RECENT:]
        asked, choice = draw.choice(known) if known else None, draw.random()
        if asked is None:
            return
        if asked.key and choice < 0.5:
            self._caller.send_again(session, asked)
        elif asked.key and asked.by == "http" and choice < 0.75:
            self._caller.misuse(session, asked)
        else:
            self._withdraw(session, asked)

    def _withdraw(self, session: requests.Session, asked: Asked) -> None:
        if asked.ids and asked.taken_back_at is None:
            self._caller.withdraw(session, asked)

    def _ask(
        self, draw: random.Random, session: requests.Session, offer: str, story: OfferStory
    ) -> None:
        named = self.offers.running(offer) if draw.random() < 0.25 else None
        if story.names_unknown:
            named = str(uuid.UUID(int=draw.getrandbits(128)))
        is_queued = bool(story.asked_seconds_ago) or draw.random() < 0.35
        at = datetime.now(UTC) - timedelta(seconds=story.asked_seconds_ago)
        by = "queue" if is_queued else draw.choice(("http", "http", "http", "webhook"))
        asked = Asked(offer, by, at, email=new_email())
        self.asked.append(asked)
        if is_queued:
            self._enqueue(draw, asked, named)
            return
        self._call(draw, session, asked, named)
        if draw.random() < 0.12:
            self._withdraw(session, asked)

    def _call(
        self, draw: random.Random, session: requests.Session, asked: Asked, named: str | None
    ) -> None:
        copies = draw.choice((1, 2, 2, 3))
        if asked.by == "webhook":
            self._caller.deliver(asked, named, copies)
        elif draw.random() < 0.5:
            asked.key = str(uuid.uuid4())
            self._caller.post_with_key(asked, named, copies)
        else:
            self._caller.post(session, asked, named)

    def _enqueue(self, draw: random.Random, asked: Asked, named: str | None) -> None:
        request_id = str(uuid.uuid4())
        message = {
            "publisherId": PUBLISHER,
            "offerId": asked.offer,
            "metadata": {"notification-emails": asked.email},
            "requestId": request_id,
            "requestedAt": asked.first_at.isoformat(),
            **naming(named),
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
