"""What a person who is not the app sees of the app's own checks."""

import json
from functools import partial

import pytest

from shared.check_watch import CheckWatch
from shared.checks import Check
from shared.errors import StorageUnavailableError
from shared.memory import TableMemory
from tests.integration.duty import Duty
from tests.integration.stage import Stage

pytestmark = pytest.mark.integration

HOUR = 3600
DEPLOYED = ("check", "--deployed")


def the_app_looks(stage: Stage, *failing: str) -> list[str]:
    """The poller looks whether the checks are due; the names of those that ran."""
    ran: list[str] = []

    def tried(name: str) -> str:
        ran.append(name)
        if name in failing:
            raise StorageUnavailableError(f"{name}: AuthorizationPermissionMismatch")
        return "can be read and written"

    checks = [
        Check(name, partial(tried, name), lambda _: "Mend it.")
        for name in ("storage-a", "storage-b")
    ]
    CheckWatch(
        checks=lambda: checks,
        memory=TableMemory(stage.table),
        mailer=partial(stage.mailer, default_emails=("on-duty@contoso.com",)),
        clock=stage.time,
    ).run_if_due()
    return ran


def test_what_the_app_found_is_shown_as_if_it_were_found_here(stage: Stage) -> None:
    duty = Duty(stage)
    the_app_looks(stage)
    stage.time.advance(600)
    code, text = duty.operate(*DEPLOYED)
    assert (code, text.count("ok       storage-")) == (0, 2)
    assert text.splitlines()[-1].endswith("10 minutes ago.")
    stage.time.advance(HOUR)
    the_app_looks(stage, "storage-b")
    code, text = duty.operate(*DEPLOYED)
    assert code == 1
    assert "failed   storage-b" in text
    assert "         Mend it.\n" in text
    code, text = duty.operate(*DEPLOYED, "--json")
    assert (code, [each["status"] for each in json.loads(text)]) == (1, ["ok", "failed"])


def test_an_app_that_does_not_check_is_told(stage: Stage) -> None:
    duty = Duty(stage)
    code, text = duty.operate(*DEPLOYED)
    assert (code, "The app has not checked yet." in text) == (1, True)
    the_app_looks(stage)
    stage.time.advance(2 * HOUR + 1)
    code, text = duty.operate(*DEPLOYED)
    assert (code, "its poller does not run" in text) == (1, True)
    assert all(len(line) <= 100 for line in text.splitlines())
    assert duty.operate(*DEPLOYED, "--json")[0] == 1


def test_the_app_checks_again_when_it_is_asked_to_and_remembers_whom_it_told(stage: Stage) -> None:
    duty = Duty(stage)
    duty.operate(*DEPLOYED, "--again")  # before it has ever checked
    assert the_app_looks(stage, "storage-a")
    assert not the_app_looks(stage, "storage-a")
    code, text = duty.operate(*DEPLOYED, "--again")
    assert (code, "within ten minutes" in text) == (0, True)
    assert "failed   storage-a" in duty.operate(*DEPLOYED)[1]  # what it found stays in sight
    assert the_app_looks(stage, "storage-a")
    assert len(stage.mailbox.mails()) == 1
