"""What the person on duty sees: lists, records in full, and what is dropped."""

import json
import re

import pytest

from shared.queues import CANCEL_REQUESTS, PENDING_CANCELLATIONS
from tests.integration.duty import Duty, records_on
from tests.integration.stage import PUBLISHER, REQUESTER, Stage

pytestmark = pytest.mark.integration


@pytest.fixture
def duty(stage: Stage) -> Duty:
    return Duty(stage)


def test_an_empty_shelf_is_said_to_be_empty(duty: Duty) -> None:
    assert duty.operate("list") == (0, "Nothing is on the poison queues.\n")
    assert duty.listed() == []


def test_the_list_has_both_queues_the_newest_last(duty: Duty, stage: Stage) -> None:
    stage.given("cancels-after-202", cancel_seconds=10**6, ends_after_seconds=10**6)
    first = duty.poison_request("Expected `str`, got `int` - at `$.offerId`")
    stage.time.advance(60)
    stage.pend()
    second = duty.poison_pending()
    stage.time.advance(3600)
    duty.gave_up("hello")
    code, text = duty.operate("list")
    assert code == 0
    assert all(len(line) <= 100 for line in text.splitlines())
    lines = text.splitlines()
    assert re.match(rf"  1  cancel-requests +{first}  {PUBLISHER}/offer-.* 2 hours", lines[1])
    assert lines[2] == "     Expected `str`, got `int` - at `$.offerId`"
    assert re.match(rf"  2  pending-cancellations  {second}  ", lines[3])
    assert re.match(r"  3  cancel-requests .* -  +", lines[5])
    assert [(each["number"], each["queue"]) for each in duty.listed()] == [
        (1, CANCEL_REQUESTS),
        (2, PENDING_CANCELLATIONS),
        (3, CANCEL_REQUESTS),
    ]
    _, only = duty.operate("list", "--json", "--queue", PENDING_CANCELLATIONS)
    assert [each["number"] for each in json.loads(only)] == [2]


def test_listing_leaves_every_record_in_sight_and_in_its_place(duty: Duty, stage: Stage) -> None:
    for number in range(40):
        duty.gave_up(f"number {number}")
    numbers = {each["number"] for each in duty.listed()}
    assert numbers == set(range(1, 41))
    assert duty.listed() == duty.listed()
    assert len(stage.requests_poison.adapter.receive(32, 1)) == 32


def test_numbers_stay_when_records_are_noticed_and_others_come(duty: Duty, stage: Stage) -> None:
    first = duty.poison_request()
    duty.watch()
    stage.time.advance(60)
    duty.gave_up("hello")
    duty.watch()
    stage.time.advance(60)
    duty.gave_up("again")
    assert [each["number"] for each in duty.listed() if each["requestId"] == first] == [1]


def test_a_record_is_shown_with_message_row_and_history(duty: Duty, stage: Stage) -> None:
    request_id = duty.poison_request("nobody knows why", reason="wrong price")
    duty.watch()
    for which in ("1", request_id, request_id.upper()):
        code, text = duty.operate("show", which)
        assert code == 0
        assert "nobody knows why" in text
        assert '"reason": "wrong price"' in text
        assert "outcome-found" in text
        assert "unconfirmed" in text
        assert REQUESTER not in text
        assert '"notification-emails": "<hidden>"' in text
        assert all(len(line) <= 100 for line in text.splitlines())
    _, text = duty.operate("show", "1", "--addresses")
    assert f'"notification-emails": "{REQUESTER}"' in text
    assert f"{REQUESTER}\n" in text.split("Row in table")[1]


def test_a_program_gets_the_same_and_no_addresses_either(duty: Duty) -> None:
    duty.poison_request()
    duty.watch()
    _, text = duty.operate("show", "1", "--json")
    [shown] = json.loads(text)
    assert (shown["row"]["outcome"]["name"], shown["row"]["emails"]) == (
        "unconfirmed",
        ["<hidden>"],
    )
    assert REQUESTER not in text
    _, text = duty.operate("show", "1", "--json", "--addresses")
    assert json.loads(text)[0]["row"]["emails"] == [REQUESTER]


@pytest.mark.parametrize(
    "text",
    [f"mail {REQUESTER}", f'{{"a": ["{REQUESTER}"', "aGVsbG8gcmVxdWVzdGVyQGNvbnRvc28uY29tIG"],
    ids=["no json", "cut json", "cut base64"],
)
def test_addresses_are_masked_in_what_cannot_be_read(duty: Duty, text: str) -> None:
    duty.gave_up(text)
    assert REQUESTER not in duty.operate("show", "1")[1]
    assert REQUESTER in duty.operate("show", "1", "--addresses")[1]


def test_nothing_from_outside_steers_the_terminal(duty: Duty, stage: Stage) -> None:
    duty.gave_up("\x9b2J\u202eabc\u001b[2J".replace("\x1b", "\u009b"))
    for arguments in (["list"], ["show", "1"]):
        _, text = duty.operate(*arguments)
        assert all(character.isprintable() or character == "\n" for character in text)


def test_what_is_not_there_is_said_to_be_missing(duty: Duty) -> None:
    for command in ("show", "drop", "redrive"):
        code, text = duty.operate(command, "7")
        assert code == 1
        assert "No record 7 is on the poison queues" in text


@pytest.mark.parametrize("answer", ["n", "", "maybe"])
def test_nothing_is_dropped_without_a_yes(duty: Duty, stage: Stage, answer: str) -> None:
    duty.gave_up("hello")
    code, text = duty.operate("drop", "1", answer=answer)
    assert code == 1
    assert "Nothing was dropped." in text
    assert duty.asked == ["Drop this record for good? [y/N] "]
    assert len(duty.listed()) == 1


def test_what_is_dropped_is_gone_and_nothing_else(duty: Duty, stage: Stage) -> None:
    for number in range(3):
        duty.gave_up(f"number {number}")
        stage.time.advance(1)
    assert duty.operate("drop", "1", "3", answer="y")[0] == 0
    assert duty.asked == ["Drop these 2 records for good? [y/N] "]
    [left] = records_on(stage.requests_poison)
    assert left.message == "number 1"
    assert duty.operate("drop", "1", "--yes")[0] == 0
    assert len(duty.asked) == 1
    assert stage.requests_poison.kept == []


def test_what_somebody_else_takes_meanwhile_is_not_dropped(duty: Duty, stage: Stage) -> None:
    duty.gave_up("hello")

    class Asked(list[str]):
        """Somebody else takes the record while the question is there."""

        def append(self, question: str) -> None:
            stage.requests_poison.adapter.receive(1, 60)

    duty.asked = Asked()
    code, text = duty.operate("drop", "1", answer="y")
    assert (code, text.splitlines()[-1]) == (1, "0 dropped, 1 not.")
    assert len(stage.requests_poison.kept) == 1
