"""The simulated Communication Services, held to what Microsoft says of the real one."""

import json
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import requests

from devstack.communication import AcsTrouble, CommunicationService
from devstack.communication.api import MAX_BYTES, SCOPE
from devstack.mailbox import MailFolder
from devstack.processes import ROOT

pytestmark = pytest.mark.integration

VERSION = {"api-version": "2025-09-01"}
GONE_IN_TIME = 30


@pytest.fixture
def seconds() -> list[float]:
    """The service's clock."""
    return [0.0]


@pytest.fixture
def service(tmp_path: Path, seconds: list[float]) -> Iterator[CommunicationService]:
    with CommunicationService(
        MailFolder(tmp_path), limits=(2, 4), clock=lambda: seconds[0]
    ) as service:
        yield service


def token_of(service: CommunicationService, resource: str = SCOPE) -> str:
    identity = service.identity()
    answer = requests.get(
        identity["IDENTITY_ENDPOINT"],
        params={"api-version": "2019-08-01", "resource": resource},
        headers={"X-IDENTITY-HEADER": identity["IDENTITY_HEADER"]},
        timeout=10,
    )
    return str(answer.json().get("access_token", ""))


def a_message(**changes: Any) -> dict[str, Any]:
    return {
        "senderAddress": "cancel@contoso.com",
        "content": {"subject": "a subject", "plainText": "text", "html": "<p>text</p>"},
        "recipients": {"to": [{"address": "a@contoso.com"}]},
        **changes,
    }


def send(
    service: CommunicationService,
    message: dict[str, Any] | None = None,
    *,
    operation_id: str = "",
    token: str | None = None,
    query: dict[str, str] | None = None,
) -> requests.Response:
    taken = token_of(service) if token is None else token
    return requests.post(
        f"{service.endpoint}/emails:send",
        params=VERSION if query is None else query,
        data=json.dumps(message or a_message()),
        headers={
            "Authorization": f"Bearer {taken}",
            "Operation-Id": operation_id or str(uuid.uuid4()),
            "Content-Type": "application/json",
        },
        timeout=10,
    )


def code_of(answer: requests.Response) -> tuple[int, str]:
    assert answer.headers["x-ms-error-code"] == answer.json()["error"]["code"]
    return answer.status_code, answer.json()["error"]["code"]


def test_a_send_is_accepted_to_be_looked_up_where_it_says(service: CommunicationService) -> None:
    operation_id = str(uuid.uuid4())
    answer = send(service, operation_id=operation_id)
    assert (answer.status_code, answer.json()["id"]) == (202, operation_id)
    assert int(answer.headers["Retry-After"]) > 0
    where = answer.headers["Operation-Location"]
    state = requests.get(
        where, headers={"Authorization": f"Bearer {token_of(service)}"}, timeout=10
    )
    assert state.json() == {"id": operation_id, "status": "Succeeded"}


def test_who_has_no_token_is_not_let_in(service: CommunicationService) -> None:
    assert token_of(service, "https://elsewhere.example.com/") == ""
    for token in ("", "guessed"):
        assert code_of(send(service, token=token)) == (401, "Denied")
    assert not service.mails()


def test_what_is_no_mail_is_refused(service: CommunicationService, seconds: list[float]) -> None:
    many = {"to": [{"address": f"p{number}@contoso.com"} for number in range(51)]}
    large = {"subject": "s", "plainText": "x" * MAX_BYTES}
    for answer, expected in (
        (send(service, query={}), (400, "UnsupportedApiVersion")),
        (send(service, {"content": 1}), (400, "BadRequest")),
        (send(service, operation_id="no-guid"), (400, "BadRequest")),
    ):
        assert code_of(answer) == expected
    for message, expected in (
        (a_message(recipients=many), (400, "BadRequest")),
        (a_message(recipients={"to": []}), (400, "BadRequest")),
        (a_message(senderAddress="cancel@fabrikam.com"), (404, "DomainNotLinked")),
        (a_message(content=large), (413, "PayloadTooLarge")),
    ):
        seconds[0] += 3600
        assert code_of(send(service, message)) == expected
    assert not service.mails()


def test_an_operation_id_stands_for_one_mail(service: CommunicationService) -> None:
    operation_id = str(uuid.uuid4())
    assert send(service, operation_id=operation_id).status_code == 202
    assert send(service, operation_id=operation_id.upper()).status_code == 202
    assert len(service.mails()) == 1


def test_an_operation_id_does_not_stand_for_another_mail(service: CommunicationService) -> None:
    operation_id, other = str(uuid.uuid4()), {"subject": "other"}
    send(service, operation_id=operation_id)
    answer = send(service, a_message(content=other), operation_id=operation_id)
    assert code_of(answer) == (400, "BadRequest")


def test_too_many_are_told_when_to_come_again_and_count_all_the_same(
    service: CommunicationService, seconds: list[float]
) -> None:
    statuses = [send(service).status_code for _ in range(2)]
    refused = send(service)
    assert statuses == [202, 202]
    assert (code_of(refused), refused.headers["Retry-After"]) == ((429, "TooManyRequests"), "60")
    seconds[0] = 60
    assert send(service).status_code == 202
    seconds[0] = 180
    assert send(service).headers["Retry-After"] == str(3600 - 180)


def mail_with(service: CommunicationService, **headers: str) -> EmailMessage:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    send(service, a_message(headers=named))
    return service.mails()[-1].message


def test_a_message_id_is_kept_if_it_is_valid_and_new(service: CommunicationService) -> None:
    own = "<2f0c@contoso.com>"
    first = mail_with(service, Message_ID=own, X_Own="1")
    assert (first["Message-ID"], first["X-Own"]) == (own, "1")
    assert mail_with(service, Message_ID=own)["Message-ID"] not in (own, None)


def test_trouble_comes_as_often_as_it_is_told_to(service: CommunicationService) -> None:
    service.suffer(AcsTrouble(status=503, code="Down", retry_after="9", first=1))
    answer = send(service)
    assert (code_of(answer), answer.headers["Retry-After"]) == ((503, "Down"), "9")
    assert send(service).status_code == 202
    service.suffer(AcsTrouble(drop=True, carried_out=True))
    with pytest.raises(requests.ConnectionError):
        send(service)
    assert len(service.mails()) == 2


def test_it_runs_on_its_own_and_says_what_the_app_needs(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "devstack.communication", "--folder", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        said = [process.stdout.readline() for _ in range(5)]
        names = [line.partition("=")[0] for line in said[1:]]
        process.send_signal(signal.SIGINT)
        assert process.wait(GONE_IN_TIME) == 0
    assert names == [
        "NOTIFICATION_ACS_ENDPOINT",
        "NOTIFICATION_SMTP_URL",
        "IDENTITY_ENDPOINT",
        "IDENTITY_HEADER",
    ]
