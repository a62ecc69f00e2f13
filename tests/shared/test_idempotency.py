import json
from typing import Any

import pytest
from msgspec.structs import replace

from shared.acceptance import Acceptance, CancelCall
from shared.addresses import keep_valid
from shared.errors import RowConflictError, StorageUnavailableError
from shared.http_answers import HttpAnswer, ProblemError
from shared.models import CancelRequest, from_json
from shared.record import CancellationRecord, State, new_record
from shared.settings import MailSettings, PolicySettings
from tests.shared.builders import TARGET_ID, after
from tests.shared.ledger_memory import KeptRows
from tests.shared.queue_memory import KeptTexts
from tests.shared.test_acceptance_checks import MAIL

KEY = "build 4711/stop"


class Fragile(KeptTexts):
    """A queue that fails as often as it is told to, before or after its effect."""

    def __init__(self) -> None:
        super().__init__()
        self.fails: list[str] = []

    def put(self, text: str, delay_seconds: float = 0) -> None:
        """Keep the text, or not, and fail, or not."""
        failure = self.fails.pop(0) if self.fails else ""
        if failure != "before":
            super().put(text, delay_seconds)
        if failure:
            raise StorageUnavailableError("queue cancel-requests: ServerBusy")


class Losing(KeptRows):
    """A table whose insert works and fails all the same, once."""

    has_lost = False

    def insert(self, record: CancellationRecord) -> CancellationRecord:
        """Write the row and lose the answer, or say that there is one."""
        if self.has_lost:
            return super().insert(record)
        self.has_lost = True
        try:
            super().insert(record)
        except RowConflictError as error:
            raise StorageUnavailableError("table cancellations: ServerBusy") from error
        raise StorageUnavailableError("table cancellations: ServerBusy")


class Desk:
    """Takes calls with keys, each at a time of its own."""

    def __init__(self, ledger: KeptRows | None = None) -> None:
        self.queue = Fragile()
        self.ledger = ledger or KeptRows()
        self._calls = 0

    def call(self, body: Any = None, key: str = KEY, **changes: Any) -> HttpAnswer:
        """One call."""
        self._calls += 1
        values: dict[str, Any] = {
            "publisher_id": "contoso",
            "offer_id": "contoso-vm",
            "api_version": None,
            "headers": {"content-type": "application/json", "idempotency-key": key},
            "body": json.dumps(body or {}).encode(),
            **changes,
        }
        return self._acceptance().accept(CancelCall(**values))

    def refusal(self, *args: Any, **changes: Any) -> ProblemError:
        """What a call is refused with."""
        with pytest.raises(ProblemError) as raised:
            self.call(*args, **changes)
        return raised.value

    def _acceptance(self) -> Acceptance:
        now = after(self._calls)

        def mail_settings() -> MailSettings:
            return MAIL

        return Acceptance(
            ledger=self.ledger,
            requests=self.queue,
            policy=PolicySettings(),
            mail_settings=mail_settings,
            clock=lambda: now,
        )

    @property
    def ids_queued(self) -> list[str | None]:
        """The ids of the messages."""
        return [from_json(text, CancelRequest).request_id for text in self.queue.texts]

    @property
    def row(self) -> CancellationRecord:
        """The one row, as it is now."""
        assert len({row.request_id for row in self.ledger.versions}) == 1
        return self.ledger.versions[-1]


def test_the_same_key_gives_the_same_answer() -> None:
    desk = Desk()
    first, again = desk.call(), desk.call()
    assert first == again
    assert first.members["id"] == desk.row.request_id


def test_the_case_of_ids_is_no_other_request() -> None:
    desk = Desk()
    first = desk.call({"operationId": TARGET_ID})
    again = desk.call({"operationId": TARGET_ID.upper()}, publisher_id="Contoso")
    assert first.members["id"] == again.members["id"]


@pytest.mark.parametrize("changes", [{"offer_id": "other"}, {"publisher_id": "fabrikam"}])
def test_a_key_counts_for_its_offer(changes: dict[str, str]) -> None:
    desk = Desk()
    assert desk.call().members["id"] != desk.call(**changes).members["id"]


def test_another_key_or_none_is_another_request() -> None:
    desk = Desk()
    ids = [desk.call().members["id"], desk.call(key="other").members["id"]]
    ids += [desk.call(headers={"content-type": "application/json"}).members["id"] for _ in "ab"]
    assert len(set(ids)) == 4


@pytest.mark.parametrize(
    "body",
    [
        {"operationId": TARGET_ID},
        {"reason": "another"},
        {"metadata": {"notification-emails": "b@contoso.com"}},
    ],
)
def test_the_same_key_with_another_request_is_409(body: dict[str, Any]) -> None:
    desk = Desk()
    desk.call()
    problem = desk.refusal(body)
    assert (problem.status_code, problem.code) == (409, "Conflict")
    assert (len(desk.ledger.versions), len(desk.queue.texts)) == (1, 1)


@pytest.mark.parametrize("key", ["", " ", "a" * 256, "a\nb", "schl\u00fcssel", " a", "a "])
def test_what_cannot_be_a_key_is_400(key: str) -> None:
    problem = Desk().refusal(key=key)
    assert (problem.status_code, problem.code) == (400, "BadRequest")


def test_a_request_whose_message_may_be_missing_is_put_on_the_queue_again() -> None:
    desk = Desk()
    desk.call()
    desk.queue.texts.clear()  # as after a crash between row and message
    answered = desk.call()
    assert desk.ids_queued == [answered.members["id"]]


@pytest.mark.parametrize(
    "changes", [{"state": State.SUBMITTING}, {"attempt": 1}, {"state": State.PENDING}]
)
def test_a_request_that_somebody_works_on_is_not_put_there_again(changes: dict[str, Any]) -> None:
    desk = Desk()
    first = desk.call()
    desk.ledger.replace(desk.row.with_step(after(9), "a-step", **changes))
    assert desk.call() == first
    assert len(desk.queue.texts) == 1


@pytest.mark.parametrize("failure", ["before", "after"])
def test_an_answer_that_was_lost_can_be_had_again(failure: str) -> None:
    desk = Desk()
    desk.queue.fails = [failure]
    assert desk.refusal().status_code == 503
    answered = desk.call()
    assert desk.ids_queued[-1] == answered.members["id"] == desk.row.request_id


def test_a_first_call_that_fails_takes_nothing_from_one_that_came_after_it() -> None:
    desk = Desk()
    answers: list[HttpAnswer] = []

    class Meanwhile(Fragile):
        """While the first call puts its message, the second comes and goes."""

        def put(self, text: str, delay_seconds: float = 0) -> None:
            if not answers:
                answers.append(HttpAnswer(0, {}))
                answers.append(desk.call())
                raise StorageUnavailableError("queue cancel-requests: ServerBusy")
            super().put(text, delay_seconds)

    desk.queue = Meanwhile()
    assert desk.refusal().status_code == 503
    assert desk.ids_queued == [desk.row.request_id] == [answers[1].members["id"]]


def test_a_lost_insert_takes_nothing_from_the_request_that_was_there() -> None:
    desk = Desk()
    first = desk.call()
    desk.ledger.replace(desk.row.with_step(after(9), "cancel-sending", post_sent_at=after(9)))
    losing = Losing()
    losing.versions = desk.ledger.versions
    desk.ledger = losing
    assert desk.refusal().status_code == 503
    assert desk.row.post_sent_at == after(9)
    assert desk.call() == first


def test_a_lost_insert_of_its_own_is_taken_back() -> None:
    desk = Desk(Losing())
    assert desk.refusal().status_code == 503
    assert (desk.ledger.versions, desk.queue.texts) == ([], [])
    assert desk.call().status_code == 202


def test_a_lost_insert_takes_nothing_from_the_same_that_was_sent_meanwhile() -> None:
    desk = Desk()
    answers: list[HttpAnswer] = []

    class Meanwhile(KeptRows):
        """The row is there, its answer is lost, and before anybody looks the second call comes."""

        def insert(self, record: CancellationRecord) -> CancellationRecord:
            written = super().insert(record)
            if not answers:
                answers.append(desk.call())
                raise StorageUnavailableError("table cancellations: ServerBusy")
            return written

    desk.ledger = Meanwhile()
    assert desk.refusal().status_code == 503
    assert desk.ids_queued == [desk.row.request_id] == [answers[0].members["id"]]


def test_a_row_that_its_message_makes_anew_knows_what_was_asked() -> None:
    desk = Desk()
    asked = {"metadata": {"notification-emails": "A@contoso.com, b@contoso.com"}, "reason": "r"}
    desk.call(asked)
    message = from_json(desk.queue.texts[0], CancelRequest)
    assert made_anew(message).fingerprint == desk.row.fingerprint != ""
    # One that was put back may name an operation by then that nobody has asked for by name.
    assert made_anew(replace(message, attempt=1, operation_id=TARGET_ID)).fingerprint == ""


def made_anew(message: CancelRequest) -> CancellationRecord:
    """What the queue trigger makes of a message without a row."""
    emails, dropped = keep_valid(message.notification_emails)
    return new_record(
        message,
        request_id=str(message.request_id),
        requested_at=after(9),
        source="queue",
        emails=emails,
        dropped_emails=dropped,
        now=after(9),
    )
