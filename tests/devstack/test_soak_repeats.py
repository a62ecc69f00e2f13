"""Which repeated mails a soak explains by its faults."""

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from devstack.mailbox import ReceivedMail
from devstack.soak.evidence import Evidence
from devstack.soak.plan import Kind
from devstack.soak.repeats import unexplained_repeats
from devstack.soak.troubles import Trouble
from shared.settings import PolicySettings

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def mail(number: int, seconds: float) -> ReceivedMail:
    message = EmailMessage()
    message["X-Offer-Cancel-Request"] = f"request-{number % 10}"
    return ReceivedMail(number, at(seconds), "", ("ana@example.com",), message, Path("1.eml"))


def unexplained(troubles: tuple[Trouble, ...], *alike: list[ReceivedMail]) -> list[str]:
    evidence = Evidence(
        asked=[],
        rows={},
        mails={},
        operator_mails=(),
        poison=(),
        left={},
        truth={},
        calls={},
        stories={},
        troubles=troubles,
        storage_failures={},
        policy=PolicySettings(poll_concurrency=1),
    )
    return [sentence for _, sentence in unexplained_repeats(evidence, alike)]


ANSWER_LOST = Trouble(Kind.MAIL_ANSWERS_LOST, at(10), at(20), 1)
STORAGE_STOPPED = Trouble(Kind.STORAGE_STOPPED, at(8), at(12), 1)
HOST_KILLED = Trouble(Kind.HOST_KILLED, at(12), at(13), 1)
BY_EITHER, BY_ANSWER = [mail(1, 11), mail(11, 25)], [mail(2, 19), mail(12, 26)]
BY_ALL = [mail(3, 11.8), mail(13, 27)]


@pytest.mark.parametrize(
    "troubles", [(ANSWER_LOST, STORAGE_STOPPED), (STORAGE_STOPPED, ANSWER_LOST)]
)
def test_what_two_faults_explain_leaves_the_one_that_another_repeat_needs(
    troubles: tuple[Trouble, ...],
) -> None:
    assert unexplained(troubles, BY_EITHER, BY_ANSWER) == []
    assert unexplained(troubles, BY_ANSWER, BY_EITHER) == []


def test_faults_are_moved_along_a_chain_of_repeats() -> None:
    troubles = (ANSWER_LOST, STORAGE_STOPPED, HOST_KILLED)
    assert unexplained(troubles, BY_EITHER, BY_ALL, BY_ANSWER) == []


def test_a_fault_explains_no_more_repeats_than_it_can_have_brought_about() -> None:
    assert unexplained((ANSWER_LOST,), BY_EITHER, BY_ANSWER) == ["mail 12 repeats mail 2"]
    assert len(unexplained((ANSWER_LOST, STORAGE_STOPPED), BY_EITHER, BY_ALL, BY_ANSWER)) == 1


def test_what_no_fault_was_near_is_unexplained() -> None:
    late = [mail(4, 40), mail(14, 41)]
    assert unexplained((ANSWER_LOST, STORAGE_STOPPED), late) == ["mail 14 repeats mail 4"]


def test_a_mail_server_that_takes_its_time_to_go_loses_answers_meanwhile() -> None:
    gone = Trouble(Kind.MAIL_GONE, at(10), at(13), 1)
    assert unexplained((gone,), [mail(5, 10.9), mail(15, 24)]) == []
    assert len(unexplained((gone,), [mail(6, 13.1), mail(16, 24)])) == 1
    assert len(unexplained((gone,), [mail(7, 5.9), mail(17, 24)])) == 1
