"""The calls of those who ask over HTTP, each made again until it is answered for good."""

import json
import threading
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http import HTTPStatus

import requests

from devstack import webhooks
from devstack.errors import StackError
from devstack.soak.asked import Asked
from devstack.soak.offers import PUBLISHER
from devstack.stack import Stack

ANSWER_SECONDS = 20.0
ASK_AGAIN_SECONDS = 0.3
_JSON = {"Content-Type": "application/json"}


class Caller:
    """Calls the app. Safe for threads.

    Attributes:
        is_over: Set when nobody is to try again.
    """

    def __init__(self, stack: Stack) -> None:
        """Call this stack's app."""
        self.is_over = threading.Event()
        self._stack = stack
        self._sendings: dict[str, Callable[[requests.Session], requests.Response]] = {}

    def post(self, session: requests.Session, asked: Asked, named: str | None) -> None:
        """Ask without a key: each try is another request, with an address of its own."""

        def send() -> requests.Response:
            asked.email, asked.first_at = new_email(), datetime.now(UTC)
            return session.post(self._url(asked), json=_body(asked, named), timeout=ANSWER_SECONDS)

        self._take(asked, send)

    def post_with_key(self, asked: Asked, named: str | None, copies: int) -> None:
        """Ask with a key, so often at once."""
        body, headers = json.dumps(_body(asked, named)), {**_JSON, "Idempotency-Key": asked.key}
        url = self._url(asked)
        self._sendings[asked.key] = lambda session: session.post(
            url, body, headers=headers, timeout=ANSWER_SECONDS
        )
        self._send_at_once(asked, copies)

    def deliver(self, asked: Asked, named: str | None, copies: int) -> None:
        """Ask by a webhook, delivered so often at once."""
        members = {"operationId": named or ""}
        sent = webhooks.delivery(PUBLISHER, asked.offer, notification_emails=asked.email, **members)
        asked.key = sent.headers["X-GitHub-Delivery"]
        self._sendings[asked.key] = lambda session: session.post(
            self._stack.url + sent.path, sent.body, headers=sent.headers, timeout=ANSWER_SECONDS
        )
        self._send_at_once(asked, copies)

    def send_again(self, session: requests.Session, asked: Asked) -> None:
        """The same once more, with its key: as a client, or a sender of webhooks, does."""
        self._take(asked, lambda: self._sendings[asked.key](session))
        asked.sent_again += 1

    def misuse(self, session: requests.Session, asked: Asked) -> None:
        """Something else with a key that is in use.

        Raises:
            StackError: It was not refused.
        """
        headers = {"Idempotency-Key": asked.key}
        body = _body(asked, None) | {"reason": "something else"}
        answer = self._answer(
            lambda: session.post(
                self._url(asked), json=body, headers=headers, timeout=ANSWER_SECONDS
            )
        )
        if answer is not None:
            _expect(answer, {HTTPStatus.CONFLICT: None}, asked)
            asked.conflicts += 1

    def withdraw(self, session: requests.Session, asked: Asked) -> None:
        """Take the request back, if it is not too late."""
        url = f"{self._url(asked).removesuffix('cancel')}operations/{asked.request_id}"
        asked.taken_back_at = datetime.now(UTC)
        answer = self._answer(lambda: session.delete(url, timeout=ANSWER_SECONDS))
        if answer is not None:
            told = {HTTPStatus.OK: True, HTTPStatus.CONFLICT: False}
            asked.is_withdrawn = _expect(answer, told, asked)
            asked.withdrawn_at = datetime.now(UTC)

    def _send_at_once(self, asked: Asked, copies: int) -> None:
        sending = self._sendings[asked.key]

        def send(_: int) -> None:
            with requests.Session() as session:
                session.trust_env = False
                self._take(asked, lambda: sending(session))

        with ThreadPoolExecutor(copies) as threads:
            list(threads.map(send, range(copies)))
        asked.sent_again += copies - 1

    def _take(self, asked: Asked, send: Callable[[], requests.Response]) -> None:
        answer = self._answer(send)
        if answer is not None:
            _expect(answer, {HTTPStatus.ACCEPTED: None}, asked)
            asked.taken(str(answer.json()["id"]), datetime.now(UTC))

    def _answer(self, send: Callable[[], requests.Response]) -> requests.Response | None:
        """The first that is no failure of the server's; None if it is over before."""
        while not self.is_over.is_set():
            try:
                answer = send()
            except requests.RequestException:
                self.is_over.wait(ASK_AGAIN_SECONDS)
                continue
            if answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
                return answer
            self.is_over.wait(ASK_AGAIN_SECONDS)
        return None

    def _url(self, asked: Asked) -> str:
        return f"{self._stack.url}/api/publishers/{PUBLISHER}/offers/{asked.offer}/cancel"


def new_email() -> str:
    """An address that nobody else has."""
    return f"{uuid.uuid4().hex}@example.com"


def naming(operation_id: str | None) -> dict[str, str]:
    """The member of a request that names its operation, where it names one."""
    return {"operationId": operation_id} if operation_id else {}


def _body(asked: Asked, named: str | None) -> dict[str, object]:
    return {"metadata": {"notification-emails": asked.email}, **naming(named)}


def _expect[T](answer: requests.Response, told: Mapping[HTTPStatus, T], asked: Asked) -> T:
    """What an answer tells.

    Raises:
        StackError: It is one that no fault explains.
    """
    for status, what in told.items():
        if answer.status_code == status:
            return what
    raise StackError(f"{asked.offer} {asked.key}: {answer.status_code} {answer.text}")
