"""A mail server with many addresses, none of which answers."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from shared.errors import MailDeferredError
from shared.notification.smtp import SmtpSender
from shared.notification.smtp_url import SmtpServer
from tests.integration.smtp_sending import failure_of

pytestmark = pytest.mark.integration

NAME = "mail.test"
ADDRESS = "127.0.0.1"
MANY = 8


@pytest.fixture
def dropping_port() -> Iterator[int]:
    """A port of 127.0.0.1 where connecting hangs, as behind a firewall that drops."""
    with ExitStack() as opened:
        listener = opened.enter_context(socket.create_server((ADDRESS, 0), backlog=0))
        for _ in range(2):  # what fills the line of those who wait to be let in
            waiting = opened.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def test_the_last_of_many_addresses_is_tried_before_the_deadline(
    dropping_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve, tried = socket.getaddrinfo, list[str]()

    def resolved(host: str, port: int, *more: Any, **options: Any) -> list[Any]:
        if host == NAME:
            return resolve(ADDRESS, port, *more, **options) * MANY
        tried.append(host)  # which is asked for again by the system's own way of connecting
        return resolve(host, port, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    server = SmtpServer(host=NAME, port=dropping_port, security="plain")
    sender = SmtpSender(server, timeout_seconds=1, deadline_seconds=4)
    assert "timed out" in failure_of(MailDeferredError, sender)
    assert tried == [ADDRESS] * MANY
