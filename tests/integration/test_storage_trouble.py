"""Accepting while the queue fails: what was not accepted is not there, what was taken is."""

import json
from typing import Any

import pytest

from shared.acceptance import Acceptance, CancelCall
from shared.errors import StorageUnavailableError
from shared.http_answers import HttpAnswer, ProblemError
from shared.queues import StorageQueue
from tests.integration.stage import PUBLISHER, REQUESTER, Stage

pytestmark = pytest.mark.integration

HOUR = 3600


class AnswerLost:
    """A queue that takes each message and says that it could not; it may be taken meanwhile."""

    def __init__(self, stage: Stage, *, taken_at_once: bool) -> None:
        self._stage, self._taken_at_once = stage, taken_at_once
        self._real: StorageQueue = stage.requests.adapter

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def put(self, text: str, delay_seconds: float = 0) -> None:
        self._real.put(text, delay_seconds)
        if self._taken_at_once:
            self._stage.submit_all()
        raise StorageUnavailableError("queue cancel-requests: ServerBusy")


def accepted(stage: Stage, queue: AnswerLost) -> HttpAnswer:
    acceptance = Acceptance(
        ledger=stage.ledger,
        requests=queue,
        policy=stage.cast().policy,
        mail_settings=lambda: stage.mail_settings,
        clock=stage.time,
    )
    body = json.dumps({"metadata": {"notification-emails": REQUESTER}}).encode()
    call = CancelCall(
        publisher_id=PUBLISHER,
        offer_id=stage.offer,
        api_version=None,
        headers={"content-type": "application/json"},
        body=body,
    )
    return acceptance.accept(call)


def test_a_request_that_was_taken_before_it_could_be_refused_is_accepted(stage: Stage) -> None:
    stage.given("cancels-after-202")
    answered = accepted(stage, AnswerLost(stage, taken_at_once=True))
    assert answered.status_code == 202
    request_id = str(answered.members["id"])
    row = stage.row(request_id)
    assert (row.source, row.target_operation_id) == ("http", stage.target.id)
    stage.play_out(request_id)
    assert stage.outcome(request_id) == "canceled"
    assert len(stage.posts) == 1
    assert len(stage.mails()) == 1


def test_a_request_that_is_taken_later_has_a_row_of_its_own(stage: Stage) -> None:
    stage.given("cancels-after-202")
    with pytest.raises(ProblemError) as refused:
        accepted(stage, AnswerLost(stage, taken_at_once=False))
    assert refused.value.status_code == 503
    assert list(stage.ledger.unfinished_records()) == []
    [message] = stage.requests.members
    stage.play_out(message["requestId"])
    assert stage.row(message["requestId"]).source == "queue"
    assert stage.outcome(message["requestId"]) == "canceled"


def test_a_row_that_could_not_be_taken_back_is_closed_and_told_as_not_canceled(
    stage: Stage,
) -> None:
    real = stage.ledger

    class Stuck:
        """A table that takes the row and then fails."""

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        def remove(self, *_: object) -> None:
            raise StorageUnavailableError("table cancellations: ServerBusy")

    class Full(AnswerLost):
        def put(self, *_: object) -> None:
            raise StorageUnavailableError("queue cancel-requests: ServerBusy")

    stage.given("cancels-after-202")
    stage.ledger = Stuck()  # type: ignore[assignment]
    with pytest.raises(ProblemError):
        accepted(stage, Full(stage, taken_at_once=False))
    stage.ledger = real
    [row] = stage.ledger.unfinished_records()
    stage.time.advance(25 * HOUR)
    stage.sweep()
    stage.poll()
    assert stage.outcome(row.request_id) == "expired"
    assert stage.posts == []
    assert {mail.message["X-Offer-Cancel-Outcome"] for mail in stage.mails()} == {"expired"}
