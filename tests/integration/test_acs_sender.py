"""What the answers of Azure Communication Services mean, and how often it is asked."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from devstack.communication import AcsTrouble, CommunicationService
from shared.checks import Status, mail_check, run_checks
from shared.errors import MailAnswerLostError, MailDeferredError, MailError, MailRefusedError
from shared.notification.acs import MAX_BYTES, AcsSender
from shared.notification.acs_resource import AcsResource
from shared.notification.quota import Quota
from shared.notification.rendering import render
from shared.notification.sender import Delivery
from tests.integration.mail_services import AcsService
from tests.integration.raw_server import RawServer, ScriptedHttp, http_answer, read_request
from tests.integration.smtp_sending import A, B, C, a_mail, failure_of
from tests.shared.notification.notices import notice, outcome

pytestmark = pytest.mark.integration

TAKEN = b'{"id": "8540c0de-899f-5cce-acb5-3ec493af3800", "status": "Running"}'
HEAD = b"HTTP/1.1 202 Accepted\r\nConnection: close\r\n"
DRIP_SECONDS = 0.02


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AcsService]:
    service = AcsService(tmp_path, monkeypatch.setenv)
    yield service
    service.close()


@pytest.fixture
def acs(service: AcsService) -> CommunicationService:
    return service.simulated


def sender_to(acs: CommunicationService, **resource: Any) -> AcsSender:
    return AcsSender(AcsResource(endpoint=acs.endpoint, **resource))


def an_outcome_mail(minutes: float = 5, **changes: Any) -> EmailMessage:
    """The mail of an outcome as it is written so long after the request."""
    written = notice(outcome=outcome("canceled"), **changes)
    later = written.requested_at + timedelta(minutes=minutes)
    return render(notice(outcome=written.outcome, now=later, **changes), "cancel@contoso.com")


def test_the_api_is_given_the_mail_and_nothing_that_it_writes_itself(
    acs: CommunicationService,
) -> None:
    mail = an_outcome_mail()
    sender_to(acs).send(mail, (A, B))
    [call] = acs.calls()
    sent = json.loads(call.body)
    assert sent["senderAddress"] == "cancel@contoso.com"
    assert sent["recipients"] == {"to": [{"address": A}, {"address": B}]}
    assert sent["content"].keys() == {"subject", "plainText", "html"}
    assert sent["userEngagementTrackingDisabled"] is True
    assert sent["headers"].keys() == {
        "Message-ID",
        "Auto-Submitted",
        "X-Auto-Response-Suppress",
        "X-Offer-Cancel-Request",
        "X-Offer-Cancel-Outcome",
    }


def test_a_repetition_is_the_same_operation_and_no_second_mail(acs: CommunicationService) -> None:
    for minutes in (5, 45):  # another worker, whose memory is empty
        assert sender_to(acs).send(an_outcome_mail(minutes), (A,)).accepted == (A,)
    first, second = acs.calls()
    assert first.operation_id == second.operation_id == str(UUID(first.operation_id))
    assert len(acs.mails()) == 1


def test_another_mail_is_another_operation(acs: CommunicationService) -> None:
    sender = sender_to(acs)
    sender.send(an_outcome_mail(), (A,))
    sender.send(an_outcome_mail(), (A, B))
    sender.send(an_outcome_mail(reason="another"), (A,))
    sender.send(an_outcome_mail(request_id="408a4835-0000-1000-0000-000000000000"), (A,))
    assert len({call.operation_id for call in acs.calls()}) == len(acs.mails()) == 4


def test_what_becomes_of_a_mail_is_never_asked(acs: CommunicationService) -> None:
    sender_to(acs).send(a_mail(), (A,))
    assert [call.method for call in acs.calls()] == ["POST"]


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, "InvalidEmailAddress", MailRefusedError),
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


def test_more_than_its_quota_is_not_asked_for(acs: CommunicationService) -> None:
    seconds = [0.0]
    began = datetime(2026, 11, 21, tzinfo=UTC)
    sender = AcsSender(
        AcsResource(endpoint=acs.endpoint, quota=Quota(2, 3)),
        clock=lambda: began + timedelta(seconds=seconds[0]),
    )

    def waits(number: int) -> float | None:
        try:
            sender.send(a_mail(f"mail {number}"), (A,))
        except MailDeferredError as error:
            return error.retry_after
        return None

    assert [waits(number) for number in range(3)] == [None, None, 60]
    seconds[0] = 60
    assert [waits(number) for number in (3, 4)] == [None, 3540]
    assert len(acs.calls()) == len(acs.mails()) == 3


def test_a_mail_has_fifty_recipients_at_most_and_the_others_come_later(
    acs: CommunicationService,
) -> None:
    everybody = tuple(f"person-{number}@contoso.com" for number in range(60))
    delivery = sender_to(acs).send(a_mail(), everybody)
    assert delivery == Delivery(accepted=everybody[:50], deferred=everybody[50:])
    assert [mail.recipients for mail in acs.mails()] == [everybody[:50]]
    assert sender_to(acs).send(a_mail(), delivery.deferred).accepted == everybody[50:]


def test_a_mail_that_is_too_large_is_refused_without_a_call(acs: CommunicationService) -> None:
    mail = a_mail()
    mail.set_content("x" * MAX_BYTES)
    with pytest.raises(MailRefusedError, match="larger"):
        sender_to(acs).send(mail, (A,))
    assert not acs.calls()


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


def dripping(start: bytes, drip: bytes) -> Callable[[socket.socket], None]:
    def talk(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(start)
        while True:
            time.sleep(DRIP_SECONDS)
            connection.sendall(drip)

    return talk


def test_a_body_that_drips_does_not_outlast_the_deadline(service: AcsService) -> None:
    with RawServer(dripping(HEAD + b"Content-Length: 1000000\r\n\r\n{", b" ")) as server:
        assert service.sender_at(server.port, seconds=0.5).send(a_mail(), (A,)).accepted == (A,)


def test_a_head_that_drips_does_not_outlast_the_deadline(service: AcsService) -> None:
    with RawServer(dripping(b"HTTP/1.1 20", b"2")) as server:
        sender = service.sender_at(server.port, seconds=0.5)
        assert "longer than 0.5 seconds" in failure_of(MailAnswerLostError, sender)


@pytest.mark.parametrize("state", ["Failed", "Canceled"])
def test_an_operation_that_has_ended_badly_is_never_going_to_be_a_mail(
    service: AcsService, state: str
) -> None:
    ended = {"id": "x", "status": state, "error": {"code": "EmailDropped", "message": "dropped"}}
    with ScriptedHttp(http_answer(202, json.dumps(ended).encode())) as server:
        said = failure_of(MailRefusedError, service.sender_at(server.port))
    assert f"202 {state} EmailDropped dropped" in said


def test_one_token_serves_many_mails(acs: CommunicationService) -> None:
    sender = sender_to(acs, client_id="user-assigned-1")
    for number in range(3):
        sender.send(a_mail(f"mail {number}"), (A,))
    assert acs.tokens == ["token-1-user-assigned-1"]


def test_a_token_that_is_not_taken_any_more_is_not_used_again(acs: CommunicationService) -> None:
    sender = sender_to(acs)
    sender.send(a_mail("first"), (A,))
    acs.forget_tokens()
    assert "401 Denied" in failure_of(MailDeferredError, sender)
    assert sender.send(a_mail("second"), (A,)).accepted == (A,)


def test_without_an_identity_the_mail_waits_and_the_service_is_not_asked(
    acs: CommunicationService,
) -> None:
    acs.give_identity(granted=False)
    sender = sender_to(acs)
    assert "no token for the mail service" in failure_of(MailDeferredError, sender)
    assert not acs.calls()
    acs.give_identity(granted=True)
    assert sender.send(a_mail(), (A,)).accepted == (A,)


def checked(sender: AcsSender) -> tuple[Status, str]:
    [result] = run_checks([mail_check(sender.log_in)])
    return result.status, result.mend


def test_the_check_says_what_is_missing(service: AcsService, acs: CommunicationService) -> None:
    assert checked(sender_to(acs)) == (Status.OK, "")
    for status, advice in ((401, "Service Owner"), (403, "Service Owner"), (429, "quota")):
        with ScriptedHttp(http_answer(status)) as server:
            assert advice in checked(service.sender_at(server.port))[1]
    with ScriptedHttp(b"") as server:
        assert "NOTIFICATION_ACS_ENDPOINT" in checked(service.sender_at(server.port))[1]
    acs.give_identity(granted=False)
    assert "NOTIFICATION_ACS_CLIENT_ID" in checked(sender_to(acs))[1]
    assert not acs.mails()
