"""The checks against real parts: storage with few rights, Partner Center, mail servers."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from azure.data.tables import TableClient
from azure.storage.queue import (
    AccountSasPermissions,
    QueueClient,
    QueueServiceClient,
    ResourceTypes,
    generate_account_sas,
)

from devstack.azurite import ACCOUNT_KEY, Azurite
from devstack.mailbox import Mailbox
from devstack.partner_center import Simulator
from shared.checks import Check, Status, mail_check, partner_center_checks, run_checks
from shared.errors import MailDeferredError, StorageUnavailableError
from shared.memory import TableMemory
from shared.notification.smtp import SmtpSender
from shared.notification.smtp_url import parse_smtp_url
from shared.queues import StorageQueue
from tests.integration.duty import Duty
from tests.integration.parts import fresh_name
from tests.integration.scripted_smtp import ScriptedSmtp
from tests.integration.stage import PUBLISHER, Stage

pytestmark = pytest.mark.integration


def queue_with(azurite: Azurite, rights: str | None) -> StorageQueue:
    """A queue that one may only do some things with; everything by default."""
    name = fresh_name()
    with QueueServiceClient.from_connection_string(azurite.connection_string) as service:
        service.create_queue(name)
        url, account = service.url.split("?")[0], str(service.account_name)
    if rights is None:
        client = QueueClient.from_connection_string(azurite.connection_string, name, retry_total=0)
    else:
        sas = generate_account_sas(
            account,
            ACCOUNT_KEY,
            ResourceTypes(service=True, container=True, object=True),
            AccountSasPermissions(
                read="r" in rights, add="a" in rights, update="u" in rights, process="p" in rights
            ),
            expiry=datetime.now(UTC) + timedelta(hours=1),
            start=datetime.now(UTC) - timedelta(hours=1),
        )
        client = QueueClient(url, name, credential=sas, retry_total=0)
    return StorageQueue(client)


def test_a_queue_is_tried_out_without_a_trace(azurite: Azurite) -> None:
    queue = queue_with(azurite, None)
    queue.put("a message of somebody else")
    queue.try_out()
    assert queue.peek(32) == ["a message of somebody else"]
    [message] = queue.receive(32, 1)
    assert message.dequeue_count == 1


@pytest.mark.parametrize("rights", ["r", "ra", "rap", "aup"])
def test_a_right_that_is_missing_is_found(azurite: Azurite, rights: str) -> None:
    with pytest.raises(StorageUnavailableError, match="Authorization"):
        queue_with(azurite, rights).try_out()


def test_all_the_rights_that_are_needed_are_enough(azurite: Azurite) -> None:
    queue_with(azurite, "raup").try_out()


def test_the_table_is_tried_out_without_a_trace(stage: Stage) -> None:
    assert stage.ledger.get("~app", "", "") is None
    TableMemory(stage.table).try_out()
    assert list(stage.table.list_entities()) == []


def test_a_table_that_is_out_of_reach_is_found() -> None:
    nowhere = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;TableEndpoint=http://127.0.0.1:1/a;"
    with (
        TableClient.from_connection_string(nowhere, "t", retry_total=0) as table,
        pytest.raises(StorageUnavailableError),
    ):
        TableMemory(table).try_out()


def reading(stage: Stage, publisher: str, offer: str, token: str | None = None) -> str:
    center = stage.portal(token=token)
    _, read = partner_center_checks(lambda: "", lambda: center, publisher, offer)
    [result] = run_checks([read])
    return f"{result.status}: {result.said} {result.mend}"


def test_partner_center_is_read(stage: Stage, simulator: Simulator) -> None:
    stage.given("cancels-after-202")
    assert "ok: contoso/offer-" in reading(stage, PUBLISHER, stage.offer)
    assert "ok: contoso/offer-cancel-check: no such offer" in reading(stage, PUBLISHER, "")
    assert "Manager" in reading(stage, "somebody-else", stage.offer)
    assert "does not take the token" in reading(stage, PUBLISHER, stage.offer, "wrong")
    assert {call.method for call in simulator.calls(PUBLISHER, stage.offer)} == {"GET"}


def test_partner_center_that_does_not_answer_is_found(stage: Stage, simulator: Simulator) -> None:
    simulator.stop_answering()
    try:
        assert "cannot be reached" in reading(stage, PUBLISHER, stage.offer)
    finally:
        simulator.start()


def test_the_mail_server_is_asked_for_a_login_and_nothing_else(mailbox: Mailbox) -> None:
    with ScriptedSmtp() as server:
        SmtpSender(parse_smtp_url(f"smtp://u:p@127.0.0.1:{server.port}")).log_in()
    assert [line.split()[0].upper() for line in server.heard] == ["EHLO", "AUTH", "QUIT"]
    SmtpSender(parse_smtp_url(mailbox.url)).log_in()
    assert mailbox.mails() == []


def test_a_login_that_is_refused_is_found_and_the_password_is_not_shown() -> None:
    with ScriptedSmtp(AUTH="535 no, user-u with hush-hush") as server:
        sender = SmtpSender(parse_smtp_url(f"smtp://user-u:hush-hush@127.0.0.1:{server.port}"))
        [result] = run_checks([mail_check(sender.log_in)])
    assert (result.status, "user and password" in result.mend) == (Status.FAILED, True)
    assert "hush-hush" not in result.said


def test_a_mail_server_that_is_not_there_is_found() -> None:
    with pytest.raises(MailDeferredError):
        SmtpSender(parse_smtp_url("smtp://127.0.0.1:1")).log_in()


def test_the_command_shows_each_check_and_fails_if_one_does(stage: Stage) -> None:
    def fail() -> str:
        raise StorageUnavailableError("queue x: AuthorizationPermissionMismatch " + "long " * 40)

    fine = Check("fine", lambda: "all is well", str)
    duty = Duty(stage)
    assert duty.operate("check", checks=[fine]) == (0, f"{'ok       fine':46} all is well\n")
    code, text = duty.operate("check", checks=[fine, Check("bad", fail, lambda _: "Mend it.")])
    assert code == 1
    assert "failed   bad" in text
    assert text.endswith("         Mend it.\n")
    assert all(len(line) <= 100 for line in text.splitlines())
    advice = "Let it be made, by the identity-of-the-app.\n  az ad app show --id 1"
    _, text = duty.operate("check", checks=[Check("bad", fail, lambda _: advice)])
    assert text.endswith("identity-of-the-app.\n           az ad app show --id 1\n")
    code, text = duty.operate("check", "--json", checks=[Check("bad", fail, lambda _: "Mend it.")])
    [shown] = json.loads(text)
    assert (code, shown["status"], shown["mend"]) == (1, "failed", "Mend it.")
