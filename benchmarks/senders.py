"""Clients that ask for cancellations: over HTTP in every way, and of Storage without the app."""

import contextlib
import http.client
import json
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

from azure.data.tables import TableClient, TableTransactionError, UpdateMode
from azure.storage.queue import QueueClient

from benchmarks.population import EMAIL, PUBLISHER
from devstack import webhooks
from devstack.stack import Stack
from shared.listing_entity import PREFIX
from shared.queues import CANCEL_REQUESTS
from shared.storage_transport import storage_transport
from shared.table_calls import TABLE

OFFER = "accept"
_PATH = f"/api/publishers/{PUBLISHER}/offers/{OFFER}/cancel?api-version=2017-10-31"
_BODY = json.dumps({"metadata": {"notification-emails": EMAIL}, "reason": "wrong price"}).encode()
_JSON = {"Content-Type": "application/json"}

type Send = Callable[[], object]
type Client = Callable[[ExitStack], Send]
"""Makes what one client does again and again; what it opens is closed with the stack."""

type Post = Callable[[str, bytes, Mapping[str, str]], str]
"""Sends path, body and headers; returns the id that the request was accepted under."""


def without_key(stack: Stack) -> Client:
    """Each request is a new one."""
    return lambda clients: _always(_post(stack, clients), _PATH, _BODY, _JSON)


def with_new_key(stack: Stack) -> Client:
    """Each request has an ``Idempotency-Key`` of its own."""

    def make(clients: ExitStack) -> Send:
        post = _post(stack, clients)
        return lambda: post(_PATH, _BODY, _with_key())

    return make


def with_same_key(stack: Stack) -> Client:
    """Each client sends its one request again and again, while somebody works on it."""

    def make(clients: ExitStack) -> Send:
        post, headers = _post(stack, clients), _with_key()
        row = {"PartitionKey": PUBLISHER, "RowKey": f"{OFFER}:{post(_PATH, _BODY, headers)}"}
        with TableClient.from_connection_string(stack.storage.connection_string, TABLE) as table:
            table.update_entity({**row, "state": "submitting"}, mode=UpdateMode.MERGE)
        return _always(post, _PATH, _BODY, headers)

    return make


def by_webhook(stack: Stack) -> Client:
    """Each request is a signed delivery of GitHub's."""

    def make(clients: ExitStack) -> Send:
        post = _post(stack, clients)

        def send() -> None:
            sent = webhooks.delivery(PUBLISHER, OFFER, notification_emails=EMAIL)
            post(sent.path, sent.body, sent.headers)

        return send

    return make


def bare_writes(stack: Stack) -> Client:
    """Rows and messages like those that the app has just written, with the SDKs alone."""
    entities, text = _written_by_the_app(stack)

    def make(clients: ExitStack) -> Send:
        table, queue = _storage_clients(stack, clients)

        def send() -> None:
            table.submit_transaction(_transaction(entities, str(uuid.uuid4())))
            queue.send_message(text, time_to_live=-1)

        return send

    return make


def bare_repetition(stack: Stack) -> Client:
    """A write of a row that is there, and a read of it, with the SDKs alone."""
    entities, _ = _written_by_the_app(stack)

    def make(clients: ExitStack) -> Send:
        table, _ = _storage_clients(stack, clients)
        again = _transaction(entities, str(uuid.uuid4()))
        table.submit_transaction(again)
        row = again[0][1]

        def send() -> None:
            with contextlib.suppress(TableTransactionError):
                table.submit_transaction(again)
                raise RuntimeError("a row was inserted twice")
            table.get_entity(row["PartitionKey"], row["RowKey"])

        return send

    return make


def _with_key() -> dict[str, str]:
    return {**_JSON, "Idempotency-Key": str(uuid.uuid4())}


def _always(post: Post, path: str, body: bytes, headers: Mapping[str, str]) -> Send:
    return lambda: post(path, body, headers)


def _post(stack: Stack, clients: ExitStack) -> Post:
    """A client of the app, over one connection that is kept."""
    connection = http.client.HTTPConnection(urlsplit(stack.url).netloc, timeout=30)
    clients.callback(connection.close)

    def post(path: str, body: bytes, headers: Mapping[str, str]) -> str:
        connection.request("POST", path, body, dict(headers))
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != http.HTTPStatus.ACCEPTED:
            raise RuntimeError(f"an accept was answered {answer.status}: {text!r}")
        return str(json.loads(text)["id"])

    return post


def _storage_clients(stack: Stack, clients: ExitStack) -> tuple[TableClient, QueueClient]:
    storage = stack.storage.connection_string
    own: dict[str, Any] = {"transport": storage_transport(), "retry_total": 0}
    table = TableClient.from_connection_string(storage, TABLE, **own)
    own = {"transport": storage_transport(), "retry_total": 0}
    queue = QueueClient.from_connection_string(storage, CANCEL_REQUESTS, **own)
    return clients.enter_context(table), clients.enter_context(queue)


def _written_by_the_app(stack: Stack) -> tuple[list[dict[str, Any]], str]:
    """A request's row, what lists show of it, and its message."""
    with ExitStack() as clients:
        _post(stack, clients)(_PATH, _BODY, _JSON)
    storage = stack.storage.connection_string
    with (
        TableClient.from_connection_string(storage, TABLE) as table,
        QueueClient.from_connection_string(storage, CANCEL_REQUESTS) as queue,
    ):
        row = dict(next(iter(table.query_entities("isOpen eq true", results_per_page=1))))
        shown = dict(next(iter(table.query_entities(f"RowKey ge '{PREFIX}'", results_per_page=1))))
        return [row, shown], str(queue.peek_messages()[0].content)


def _transaction(
    entities: list[dict[str, Any]], request_id: str
) -> list[tuple[str, dict[str, Any]]]:
    row, shown = entities
    listed_as = str(shown["RowKey"]).rpartition(":")[0]
    return [
        ("create", {**row, "RowKey": f"{OFFER}:{request_id}"}),
        ("upsert", {**shown, "RowKey": f"{listed_as}:{request_id}"}),
    ]
