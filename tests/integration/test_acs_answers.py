"""What the answers of Azure Communication Services mean for a mail."""

import json
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from devstack.communication import AcsTrouble, CommunicationService
from shared.errors import MailAnswerLostError, MailDeferredError, MailError, MailRefusedError
from tests.integration.mail_services import AcsService, sender_to
from tests.integration.raw_server import RawServer, ScriptedHttp, http_answer, read_request
from tests.integration.smtp_sending import A, C, a_mail, failure_of

pytestmark = pytest.mark.integration

TAKEN = b'{"id": "8540c0de-899f-5cce-acb5-3ec493af3800", "status": "Running"}'
HEAD = b"HTTP/1.1 202 Accepted\r\nConnection: close\r\n"
DRIP_SECONDS = 0.05
DRIPS = 600


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AcsService]:
    service = AcsService(tmp_path, monkeypatch.setenv)
    yield service
    service.close()


@pytest.fixture
def acs(service: AcsService) -> CommunicationService:
    return service.simulated


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, "BadRequest", MailRefusedError),
        (413, "PayloadTooLarge", MailRefusedError),
        (422, "", MailRefusedError),
        (400, "InvalidSenderUserName", MailDeferredError),
        (400, "SenderDomainBlocked", MailDeferredError),
        (404, "DomainNotLinked", MailDeferredError),
        (401, "Denied", MailDeferredError),
        (403, "Forbidden", MailDeferredError),
        (402, "", MailDeferredError),
        (408, "", MailDeferredError),
        (429, "TooManyRequests", MailDeferredError),
        (500, "InternalServerError", MailDeferredError),
        (502, "", MailDeferredError),
        (503, "", MailDeferredError),
        (504, "", MailDeferredError),
        (302, "", MailDeferredError),
        (409, "Conflict", MailAnswerLostError),
        (200, "", MailAnswerLostError),
    ],
)
def test_each_answer_is_told_for_what_it_means_and_asked_for_once(
    acs: CommunicationService, status: int, code: str, error: type[MailError]
) -> None:
    acs.suffer(AcsTrouble(status=status, code=code, message=f"words on {A}, {code}"))
    said = failure_of(error, sender_to(acs))
    assert f"answered the mail: {status} {code}".rstrip() in said
    assert "words on <hidden>" in said
    assert len(acs.calls()) == 1
    assert not acs.mails()


def test_a_domain_that_is_not_linked_is_named(acs: CommunicationService) -> None:
    mail = a_mail()
    mail.replace_header("From", "cancel@fabrikam.com")
    with pytest.raises(MailDeferredError, match="404 DomainNotLinked"):
        sender_to(acs).send(mail, (A,))


def test_a_redirect_is_not_followed(service: AcsService) -> None:
    elsewhere = http_answer(307, Location=f"{service.simulated.endpoint}/emails:send")
    with ScriptedHttp(elsewhere) as server:
        assert "307" in failure_of(MailDeferredError, service.sender_at(server.port))
        assert server.connections == 1
    assert not service.simulated.calls()


@pytest.mark.parametrize(
    ("status", "asked", "seconds"),
    [
        (429, "7", 7),
        (429, "3600", 3600),
        (503, "90", 90),
        (429, "", 60),
        (429, "0", 60),
        (429, "soon", 60),
        (503, "", None),
    ],
)
def test_what_it_asks_to_wait_is_passed_on(
    acs: CommunicationService, status: int, asked: str, seconds: float | None
) -> None:
    acs.suffer(AcsTrouble(status=status, retry_after=asked))
    with pytest.raises(MailDeferredError) as raised:
        sender_to(acs).send(a_mail(), (A,))
    assert raised.value.retry_after == seconds


def test_a_date_to_come_again_is_seconds_from_now(acs: CommunicationService) -> None:
    asked = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    acs.suffer(AcsTrouble(status=429, retry_after=asked))
    with pytest.raises(MailDeferredError) as raised:
        sender_to(acs).send(a_mail(), (A,))
    assert 3000 < (raised.value.retry_after or 0) <= 3600


def test_until_then_no_mail_is_tried(acs: CommunicationService) -> None:
    sender = sender_to(acs)
    acs.suffer(AcsTrouble(status=429, retry_after="3600", first=1))
    failure_of(MailDeferredError, sender)
    assert "not tried" in failure_of(MailDeferredError, sender, C)
    assert len(acs.calls()) == 1


@pytest.mark.parametrize(
    "answer",
    [
        http_answer(202, TAKEN, Retry_After="Wed, 21 Oct 2026 07:28:00 GMT"),
        http_answer(202, b""),
        http_answer(202, b"<html>taken</html>"),
        http_answer(202, b"[1]"),
        http_answer(202, b'{"error": "none", "status": 7}'),
        http_answer(202, b"[" * 100_000),
        http_answer(202, TAKEN)[:-5],
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
    ],
    ids=lambda answer: str(answer)[-40:],
)
def test_once_it_has_said_yes_nothing_makes_a_no_of_it(service: AcsService, answer: bytes) -> None:
    with ScriptedHttp(answer) as server:
        assert service.sender_at(server.port).send(a_mail(), (A,)).accepted == (A,)


class Dripping(RawServer):
    """Gives an answer that would be whole in half a minute, a bit at a time."""

    def __init__(self, start: bytes, drip: bytes, end: bytes) -> None:
        super().__init__(self._drip)
        self._answer = start, drip, end
        self.is_whole = False

    def _drip(self, connection: socket.socket) -> None:
        start, drip, end = self._answer
        read_request(connection)
        connection.sendall(start)
        for _ in range(DRIPS):
            time.sleep(DRIP_SECONDS)
            connection.sendall(drip)
        connection.sendall(end)
        self.is_whole = True


@pytest.mark.parametrize(
    "drip", [b"", b"HTTP/1.1 100 Continue\r\n\r\n"], ids=["silence", "continue"]
)
def test_a_head_that_drips_does_not_outlast_the_deadline(service: AcsService, drip: bytes) -> None:
    with Dripping(b"", drip, HEAD + b"Content-Length: 0\r\n\r\n") as server:
        sender = service.sender_at(server.port, seconds=0.5)
        assert "longer than 0.5 seconds" in failure_of(MailAnswerLostError, sender)
        assert not server.is_whole


def test_a_body_that_drips_does_not_outlast_the_deadline(service: AcsService) -> None:
    length = f"Content-Length: {DRIPS + 2}\r\n\r\n".encode()
    with Dripping(HEAD + length + b"{", b" ", b"}") as server:
        assert service.sender_at(server.port, seconds=0.5).send(a_mail(), (A,)).accepted == (A,)
        assert not server.is_whole


@pytest.mark.parametrize("state", ["Failed", "Canceled"])
def test_an_operation_that_has_ended_badly_is_never_going_to_be_a_mail(
    service: AcsService, state: str
) -> None:
    ended = {"id": "x", "status": state, "error": {"code": "EmailDropped", "message": "dropped"}}
    with ScriptedHttp(http_answer(202, json.dumps(ended).encode())) as server:
        said = failure_of(MailRefusedError, service.sender_at(server.port))
    assert f"202 {state} EmailDropped dropped" in said
