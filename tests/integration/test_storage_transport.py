"""Connections to storage that the other side has just closed, and such as never answer."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from azure.core.exceptions import ServiceRequestError, ServiceResponseError
from azure.core.rest import HttpRequest

from shared.storage_transport import storage_transport

pytestmark = pytest.mark.integration

SECONDS = 10.0
CONTENT = b"as it stands"
ANSWER = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nOK"
NO_ANSWER = b""


class Service:
    """Takes one request after the other on each connection, and closes it after the last."""

    def __init__(self, listening: socket.socket, *connections: list[bytes]) -> None:
        """Give these answers, connection by connection."""
        self.seen: list[bytes] = []
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}/queue"
        self._listening = listening
        self._connections = connections

    def serve(self) -> None:
        for answers in self._connections:
            connection, _ = self._listening.accept()
            connection.settimeout(SECONDS)
            with connection:
                for answer in answers:
                    self.seen.append(_request(connection))
                    connection.sendall(answer)

    def is_called_again(self) -> bool:
        self._listening.setblocking(False)
        try:
            self._listening.accept()[0].close()
        except BlockingIOError:
            return False
        return True


def _request(connection: socket.socket) -> bytes:
    request = b""
    while not request.endswith(CONTENT):
        part = connection.recv(65_536)
        assert part, "the connection was closed in the middle of a request"
        request += part
    return request


@contextmanager
def serving(*connections: list[bytes]) -> Iterator[Service]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(SECONDS)
        service = Service(listening, *connections)
        thread = threading.Thread(target=service.serve)
        thread.start()
        try:
            yield service
        finally:
            thread.join()


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
def test_what_meets_a_connection_that_was_just_closed_is_sent_once_more(method: str) -> None:
    with serving([ANSWER, NO_ANSWER], [ANSWER]) as service, storage_transport() as transport:
        for _ in range(2):
            answer = transport.send(HttpRequest(method, service.url, content=CONTENT))
            assert (answer.status_code, answer.read()) == (201, b"OK")
        assert service.seen[1] == service.seen[2]


def test_a_service_that_closes_every_connection_is_called_twice_and_no_more() -> None:
    with serving([NO_ANSWER], [NO_ANSWER]) as service, storage_transport() as transport:
        with pytest.raises((ServiceRequestError, ServiceResponseError)):
            transport.send(HttpRequest("POST", service.url, content=CONTENT))
        assert not service.is_called_again()


def test_what_takes_too_long_is_not_sent_again() -> None:
    with serving() as service, storage_transport() as transport:
        with pytest.raises(ServiceResponseError):
            transport.send(HttpRequest("POST", service.url, content=CONTENT), read_timeout=0.2)
        assert service.is_called_again()
        assert not service.is_called_again()
