"""Which mails Azure Communication Services is given, as whom, and how many."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from devstack.communication import AcsTrouble, CommunicationService
from shared.check_mail import SUBJECT, send_test_mail
from shared.checks import CheckResult, Status, mail_check, run_checks, trial_mail_check
from shared.errors import MailAnswerLostError, MailDeferredError, MailRefusedError
from shared.mail_senders import sender_for
from shared.notification.acs import MAX_BYTES, AcsSender
from shared.notification.acs_resource import AcsResource
from shared.notification.quota import Quota
from shared.notification.rendering import render
from shared.notification.sender import Delivery
from shared.settings import MailSettings
from tests.integration.mail_services import AcsService, sender_to
from tests.integration.raw_server import ScriptedHttp, http_answer
from tests.integration.smtp_sending import A, B, C, a_mail, failure_of
from tests.shared.notification.notices import notice, outcome

pytestmark = pytest.mark.integration


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AcsService]:
    service = AcsService(tmp_path, monkeypatch.setenv)
    yield service
    service.close()


@pytest.fixture
def acs(service: AcsService) -> CommunicationService:
    return service.simulated


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
    ("code", "message"),
    [
        ("InvalidEmailAddress", "no"),
        ("BadRequest", f"Invalid format for email address {A}."),
    ],
)
def test_a_wrong_address_keeps_the_mail_from_nobody_else(
    acs: CommunicationService, code: str, message: str
) -> None:
    acs.suffer(AcsTrouble(status=400, code=code, message=message, first=2))
    delivery = sender_to(acs).send(a_mail(), (A, B, C))
    assert delivery == Delivery(accepted=(B, C), refused=(A,))
    assert [mail.recipients for mail in acs.mails()] == [(B,), (C,)]


def test_recipients_whose_turn_comes_too_late_are_deferred(acs: CommunicationService) -> None:
    acs.refuse(A)
    minutes = count()
    sender = AcsSender(
        AcsResource(endpoint=acs.endpoint),
        deadline_seconds=120,
        monotonic=lambda: 60.0 * next(minutes),
    )
    assert sender.send(a_mail(), (A, B, C)) == Delivery(deferred=(B, C), refused=(A,))
    assert len(acs.calls()) == 2


@pytest.mark.parametrize(
    "trouble", [AcsTrouble(status=503), AcsTrouble(drop=True, carried_out=True)], ids=str
)
def test_what_has_been_found_out_of_some_recipients_is_kept(
    acs: CommunicationService, trouble: AcsTrouble
) -> None:
    quota = Quota(1000, 3)
    acs.refuse(A)
    sender = sender_to(acs, quota=quota)
    delivery = sender.send(a_mail(), (A, B, C))
    assert delivery == Delivery(accepted=(B,), deferred=(C,), refused=(A,))
    acs.suffer(trouble)
    with pytest.raises((MailDeferredError, MailAnswerLostError)):
        sender_to(acs).send(a_mail(), delivery.deferred)
    acs.suffer(None)
    assert sender_to(acs).send(a_mail(), delivery.deferred).accepted == (C,)
    assert sorted(mail.recipients for mail in acs.mails()) == [(B,), (C,)]


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


def test_a_test_mail_shows_what_no_login_does(acs: CommunicationService) -> None:
    environ = {"NOTIFICATION_ACS_ENDPOINT": acs.endpoint, "NOTIFICATION_ALLOWED_DOMAINS": "*"}

    def tried(sender: str) -> CheckResult:
        settings = MailSettings.from_env({**environ, "NOTIFICATION_SENDER": sender})
        send = partial(send_test_mail, settings, sender_for, A, datetime.now(UTC))
        [result] = run_checks([trial_mail_check(send)])
        return result

    refused = tried("cancel@not-linked.example")
    assert (refused.status, "DomainNotLinked" in refused.said) == (Status.FAILED, True)
    assert "azd provision --no-state" in refused.mend
    assert not acs.mails()
    assert tried("cancel@contoso.com").status is Status.OK
    [mail] = acs.mails()
    assert (mail.recipients, mail.subject) == ((A,), SUBJECT)
