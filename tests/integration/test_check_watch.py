"""The hourly checks: how often they run, what they log, and who is told of what, how often."""

import json
import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from shared.check_watch import MEMORY_NAME, CheckWatch
from shared.checks import MAIL_CHECK, Check
from shared.errors import ConfigurationError, RowConflictError, StorageUnavailableError
from shared.memory import PARTITION, TableMemory
from shared.notification.sender import Delivery
from shared.outcome_mail import Mailer
from shared.telemetry import LOGGER_NAME
from tests.integration.stage import Stage

pytestmark = pytest.mark.integration

OPERATOR = "on-duty@contoso.com"
HOUR = 3600
DAY = 24 * HOUR


class Checks:
    """Checks that fail with what is set."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.problems: dict[str, str] = {}
        self.runs = 0
        self.memory: Any = TableMemory(stage.table)
        self.mailer: Any = lambda: stage.mailer(default_emails=(OPERATOR,))

    def __call__(self) -> tuple[Check, ...]:
        self.runs += 1
        names = ("partner-center-token", "storage-queue", MAIL_CHECK)
        return tuple(Check(name, partial(self._try, name), self._advice) for name in names)

    def watch(self) -> CheckWatch:
        """Another process."""
        return CheckWatch(
            checks=self, memory=self.memory, mailer=self.mailer, clock=self.stage.time
        )

    def subjects(self) -> list[str]:
        return [mail.subject for mail in self.stage.mailbox.mails()]

    def _try(self, name: str) -> str:
        if name in self.problems:
            raise StorageUnavailableError(f"{name} at {self.stage.time()}")
        return "fine"

    def _advice(self, error: Exception) -> str:
        return self.problems[str(error).split()[0]]


@pytest.fixture
def checks(stage: Stage) -> Checks:
    return Checks(stage)


def lines(caplog: pytest.LogCaptureFixture, name: str) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, caplog.messages) if line["event"] == name]


def hours(checks: Checks, count: int) -> None:
    """Let hours pass; each look is another process."""
    for _ in range(count * 6):
        checks.watch().run_if_due()
        checks.stage.time.advance(HOUR / 6)


def test_the_checks_run_every_hour_whatever_becomes_of_processes(checks: Checks) -> None:
    hours(checks, 5)
    assert checks.runs == 5


def test_what_passes_and_what_fails_is_logged(
    checks: Checks, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, LOGGER_NAME)
    checks.problems = {"storage-queue": "Give it the role."}
    checks.watch().run_if_due()
    [passed] = lines(caplog, "check-passed")
    assert passed["checks"] == ["partner-center-token", MAIL_CHECK]
    [failed] = lines(caplog, "check-failed")
    assert (failed["level"], failed["check"], failed["mend"]) == (
        "error",
        "storage-queue",
        "Give it the role.",
    )
    assert failed["reason"].startswith("storage-queue at")


def test_a_problem_is_mailed_once_a_day(checks: Checks) -> None:
    checks.problems = {"partner-center-token": "Make a new secret."}
    hours(checks, 24)
    assert checks.subjects() == ["Offer Cancel needs mending: partner-center-token"]
    [mail] = checks.stage.mailbox.mails()
    assert mail.recipients == (OPERATOR,)
    assert "Make a new secret." in mail.text
    assert "python -m shared.operate check --deployed --again" in mail.text
    hours(checks, 24)
    assert len(checks.subjects()) == 2


def test_another_problem_of_the_same_check_is_told_at_once(checks: Checks) -> None:
    checks.problems = {"storage-queue": "Open the firewall."}
    hours(checks, 2)
    checks.problems = {"storage-queue": "Give it the role.", "partner-center-token": "Look."}
    hours(checks, 2)
    assert checks.subjects() == [
        "Offer Cancel needs mending: storage-queue",
        "Offer Cancel needs mending: partner-center-token, storage-queue",
    ]


def test_that_mail_fails_is_an_event_and_no_mail(
    checks: Checks, caplog: pytest.LogCaptureFixture
) -> None:
    checks.problems = {MAIL_CHECK: "Check the password."}
    hours(checks, 3)
    assert checks.subjects() == []
    assert len(lines(caplog, "check-failed")) == 3


def test_what_could_not_be_mailed_is_mailed_an_hour_later(checks: Checks, stage: Stage) -> None:
    works = checks.mailer

    class Deferring:
        """A mail server that says later."""

        def send(self, mail: object, recipients: Sequence[str]) -> Delivery:
            return Delivery(deferred=tuple(recipients))

    def unusable() -> Mailer:
        raise ConfigurationError("Mail", ("NOTIFICATION_SENDER is missing",))

    checks.problems = {"storage-queue": "Give it the role."}
    for mailer in (unusable, lambda: stage.mailer(Deferring(), default_emails=(OPERATOR,))):
        checks.mailer = mailer
        hours(checks, 1)
    assert checks.subjects() == []
    checks.mailer = works
    hours(checks, 2)
    assert len(checks.subjects()) == 1


def test_nobody_to_tell_means_an_event_only(
    checks: Checks, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    checks.mailer = stage.mailer
    checks.problems = {"storage-queue": "Give it the role."}
    hours(checks, 2)
    assert checks.subjects() == []
    assert len(lines(caplog, "check-failed")) == 2
    assert not lines(caplog, "check-mail-deferred")


def test_of_two_processes_at_once_one_checks(checks: Checks) -> None:
    first = checks.memory

    class Overtaken:
        """Another process checks between a read and the write after it."""

        def read(self, name: str) -> tuple[str, str]:
            found: tuple[str, str] = first.read(name)
            checks.memory = first
            checks.watch().run_if_due()
            return found

        def write(self, name: str, text: str, version: str) -> str:
            written: str = first.write(name, text, version)
            return written

    checks.memory = Overtaken()
    checks.watch().run_if_due()
    assert checks.runs == 1


def test_without_the_table_the_process_remembers_by_itself(checks: Checks) -> None:
    class Down:
        """A table that cannot be used."""

        def read(self, name: str) -> tuple[str, str]:
            raise StorageUnavailableError("table: AuthorizationPermissionMismatch")

        def write(self, name: str, text: str, version: str) -> str:
            raise AssertionError

    checks.memory = Down()
    checks.problems = {"storage-queue": "Give it the role."}
    watch = checks.watch()
    for _ in range(30):
        watch.run_if_due()
        checks.stage.time.advance(HOUR / 6)
    assert checks.runs == 5
    assert len(checks.subjects()) == 1


def test_the_first_run_makes_the_table(checks: Checks, stage: Stage) -> None:
    checks.watch().run_if_due()
    assert (checks.runs, len(list(stage.table.list_entities()))) == (1, 1)


@pytest.mark.parametrize("text", ["", "nonsense", '{"checkedAt": 5}', '{"unknown": true}'])
def test_what_cannot_be_read_of_the_memory_is_forgotten(checks: Checks, text: str) -> None:
    checks.memory.write(MEMORY_NAME, text, "")
    hours(checks, 2)
    assert checks.runs == 2


def test_the_memory_is_no_request(checks: Checks, stage: Stage) -> None:
    checks.watch().run_if_due()
    assert list(stage.ledger.open_records()) == []
    [entity] = stage.table.list_entities()
    assert (entity["PartitionKey"], entity["RowKey"]) == (PARTITION, MEMORY_NAME)


def test_a_version_that_is_not_the_last_is_refused(checks: Checks) -> None:
    memory = checks.memory
    first = memory.write("x", "1", "")
    assert memory.read("x") == ("1", first)
    second = memory.write("x", "2", first)
    assert second != first
    for stale in ("", first):
        with pytest.raises(RowConflictError):
            memory.write("x", "3", stale)
    assert memory.read("x") == ("2", second)
