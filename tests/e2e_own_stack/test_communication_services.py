"""The app with Azure Communication Services in place of a mail server, in Microsoft's runtime."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.communication import CommunicationService
from devstack.mailbox import MailFolder
from devstack.processes import ROOT
from devstack.stack import SENDER, Stack
from shared.addresses import domain_of
from tests.e2e.asking import ANA, BOB, PUBLISHER, ask
from tests.e2e.clean_logs import assert_clean, assert_nothing_crashed
from tests.e2e.seeing import eventually, row_of

pytestmark = pytest.mark.integration

OFFER = "mailed-by-communication-services"


def checks_of(settings: dict[str, str]) -> dict[str, str]:
    """How each check of ``operate check`` ended, as a person runs it."""
    done = subprocess.run(
        [sys.executable, "-m", "shared.operate", "check", "--json"],
        env={"PATH": os.environ["PATH"], **settings},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return {shown["name"]: shown["status"] for shown in json.loads(done.stdout)}


def test_an_outcome_is_mailed_by_the_apps_own_identity(tmp_path: Path) -> None:
    with CommunicationService(
        MailFolder(tmp_path / "acs"), domains=(domain_of(SENDER),)
    ) as service:
        settings = {
            "POLL_SCHEDULE": "*/2 * * * * *",
            "NOTIFICATION_SMTP_URL": "",
            "NOTIFICATION_ACS_ENDPOINT": service.endpoint,
            **service.identity(),
        }
        with Stack(tmp_path / "stack", settings=settings) as stack:
            stack.partner_center.create_offer(PUBLISHER, OFFER, "cancels-at-once")
            request_id = ask(stack, OFFER)
            eventually(lambda: row_of(stack, request_id)["mail"] == "sent", "the mail is sent")
            [mail] = service.mails()
            assert mail.message["X-Offer-Cancel-Outcome"] == "canceled"
            assert mail.recipients == (ANA, BOB)
            assert stack.mailbox.mails() == []
            assert checks_of(stack.app_settings())["mail-login"] == "ok"
        assert_clean(stack)
        assert_nothing_crashed(stack)
    assert [call.method for call in service.calls()].count("POST") == 1
