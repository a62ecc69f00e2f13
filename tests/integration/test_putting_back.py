"""Messages that cannot be worked on for now: they wait, and nothing is poisoned for it."""

import json
from typing import Any

import pytest

from shared.errors import StorageUnavailableError
from shared.putting_back import DELAY_SECONDS, LAST_TRY, put_back
from tests.integration.stage import Stage

pytestmark = pytest.mark.integration


class Down:
    """A ledger that nobody can reach."""

    def __getattr__(self, name: str) -> Any:
        raise StorageUnavailableError(f"table cancellations: no {name}")


def test_before_the_last_try_the_host_is_left_to_try_again(stage: Stage) -> None:
    stage.given("cancels-after-202")
    stage.ask()
    with pytest.raises(StorageUnavailableError):
        stage.submission(ledger=Down()).handle(stage.received())


def test_at_the_last_try_a_message_waits_with_its_id_and_its_age(stage: Stage) -> None:
    stage.given("cancels-after-202")
    stage.ask(requestId=None)
    asked_at = stage.time()
    for _ in range(LAST_TRY - 1):
        with pytest.raises(StorageUnavailableError):
            stage.submission(ledger=Down()).handle(stage.received())
        stage.time.advance(600)
    last = stage.received()
    assert last.dequeue_count == LAST_TRY
    stage.submission(ledger=Down()).handle(last)
    stage.requests.adapter.delete(last)
    [kept] = stage.requests.members
    assert kept["requestId"] == last.id
    assert kept["requestedAt"] == asked_at.isoformat().replace("+00:00", "Z")
    assert stage.requests.only.asked_delay == DELAY_SECONDS
    stage.time.advance(DELAY_SECONDS)
    stage.play_out(last.id)
    assert stage.outcome(last.id) == "canceled"


def test_a_message_that_nobody_can_read_is_put_back_as_it_is(stage: Stage) -> None:
    stage.requests.adapter.put("no JSON")
    message = stage.received()
    put_back(stage.requests.adapter, message)
    assert [kept.text for kept in stage.requests.kept if kept.asked_delay] == ["no JSON"]
    assert json.dumps(stage.requests_poison.members) == "[]"
