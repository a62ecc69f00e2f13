"""How much there is to do, read off real queues and told in one event."""

import json
import logging
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.storage.queue import QueueClient
from msgspec.structs import replace

from devstack.azurite import Azurite
from shared.errors import StorageUnavailableError
from shared.gauges import Gauges, Tally
from shared.models import CancelRequest, Outcome, OutcomeName
from shared.queues import StorageQueue
from shared.record import CancellationRecord, Mail, new_record
from shared.sweep import Sweep
from shared.telemetry import LOGGER_NAME
from tests.integration.parts import POLICY, fresh_name
from tests.integration.stage import PUBLISHER, Stage

pytestmark = pytest.mark.integration

type Clock = Callable[[], datetime]

MINUTE = timedelta(minutes=1)
NAMES = ("requests", "pending", "requests_poison", "pending_poison")


class Queues:
    """Four queues of a test's own, on a clock that is ten minutes ahead."""

    def __init__(self, azurite: Azurite) -> None:
        self.clients = {
            name: QueueClient.from_connection_string(
                azurite.connection_string, fresh_name(), retry_total=0
            )
            for name in NAMES
        }
        self.adapters = {name: StorageQueue(client) for name, client in self.clients.items()}

    def now(self) -> datetime:
        return datetime.now(UTC) + 10 * MINUTE

    def gauges(self, tally: Tally | None = None, clock: Clock | None = None) -> Gauges:
        return Gauges(
            requests=self.adapters["requests"],
            pending=self.adapters["pending"],
            poison=[self.adapters["requests_poison"], self.adapters["pending_poison"]],
            tally=tally or Tally(),
            clock=clock or self.now,
        )


@pytest.fixture
def queues(azurite: Azurite) -> Iterator[Queues]:
    queues = Queues(azurite)
    yield queues
    for client in queues.clients.values():
        client.close()


@pytest.fixture(autouse=True)
def _every_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOGGER_NAME)


def told(caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    [line] = [json.loads(text) for text in caplog.messages if '"poller-run"' in text]
    assert isinstance(line, dict)
    return {name: line[name] for name in line.keys() - {"event", "level", "time"}}


def row(stage: Stage, age: timedelta, **changes: Any) -> CancellationRecord:
    asked_at = stage.time() - age
    record = new_record(
        CancelRequest(publisher_id=PUBLISHER, offer_id=stage.offer),
        request_id=str(uuid.uuid4()),
        requested_at=asked_at,
        source="http",
        emails=(),
        dropped_emails=0,
        now=asked_at,
    )
    return stage.ledger.insert(replace(record, **changes))


def ended(stage: Stage, age: timedelta, **changes: Any) -> CancellationRecord:
    outcome = Outcome(name=OutcomeName.CANCELED, at=stage.time() - age)
    return row(stage, age + MINUTE, outcome=outcome, pending_queued=True, **changes)


def test_an_idle_app_tells_zeros(queues: Queues, caplog: pytest.LogCaptureFixture) -> None:
    queues.gauges().run()
    assert told(caplog) == {
        "backlog": 0,
        "pending": 0,
        "poison": 0,
        "open": 0,
        "oldestSeconds": 0,
        "untold": 0,
        "untoldSeconds": 0,
    }


def test_messages_are_counted_whether_or_not_they_are_hidden(
    queues: Queues, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        queues.adapters["requests"].put("{}", 600)
    queues.adapters["pending"].put("{}")
    queues.adapters["pending"].put("{}", 60)
    for poison in ("requests_poison", "pending_poison"):
        queues.adapters[poison].put("{}")
    queues.gauges().run()
    found = told(caplog)
    assert (found["backlog"], found["pending"], found["poison"]) == (3, 2, 2)
    assert found["oldestSeconds"] == 0  # what is hidden is not due


def test_a_message_that_nobody_takes_ages_though_it_has_no_row(
    queues: Queues, caplog: pytest.LogCaptureFixture
) -> None:
    queues.adapters["requests"].put("{}")
    queues.gauges().run()
    assert told(caplog)["oldestSeconds"] == pytest.approx(600, abs=60)


def test_what_the_sweep_sees_is_told_by_the_oldest_of_each_kind(
    stage: Stage, queues: Queues, caplog: pytest.LogCaptureFixture
) -> None:
    row(stage, 7 * MINUTE)
    row(stage, 3 * MINUTE)
    ended(stage, 2 * MINUTE)
    ended(stage, 5 * MINUTE, mail=Mail.SENDING)
    ended(stage, 60 * MINUTE, mail=Mail.SENT)
    tally = Tally()
    sweep = Sweep(
        ledger=stage.ledger,
        pending=stage.pending.adapter,
        mailer=stage.mailer,
        policy=POLICY,
        clock=stage.time,
        tally=tally,
    )
    for _ in range(2):  # the second one counts anew
        sweep.run()
    queues.gauges(tally, stage.time).run()
    found = told(caplog)
    assert (found["open"], found["untold"]) == (2, 2)
    assert (found["oldestSeconds"], found["untoldSeconds"]) == (7 * 60, 5 * 60)


def test_the_event_is_written_without_what_cannot_be_read(
    queues: Queues, caplog: pytest.LogCaptureFixture
) -> None:
    class Down(StorageQueue):
        def count(self) -> int:
            raise StorageUnavailableError("queue pending: ServerBusy")

    queues.adapters["requests"].put("{}")
    queues.adapters["pending"] = Down(queues.clients["pending"])
    queues.gauges().run()
    found = told(caplog)
    assert found["backlog"] == 1
    assert "ServerBusy" in found["reason"]
    assert found.keys() & {"pending", "poison"} == set()
    assert found["open"] == 0
