"""Who mails an outcome: only who has claimed it, and nobody twice."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from shared.record import Mail
from tests.integration.stage import REQUESTER, Stage

pytestmark = pytest.mark.integration

A, B, C = "a@contoso.com", "b@contoso.com", "c@contoso.com"
DAY = 24 * 3600


def ended(stage: Stage, emails: str = REQUESTER) -> str:
    """A request whose outcome has been found and not mailed yet."""
    stage.given("cancels-at-once")
    request_id = stage.ask(metadata={"notification-emails": emails})
    stage.submit()
    assert stage.outcome(request_id) == "canceled"
    return request_id


def claimed(stage: Stage, seconds_ago: float) -> str:
    """A request whose mail somebody took so long ago and has not marked as sent."""
    request_id = ended(stage)
    claimed_at = stage.time() - timedelta(seconds=seconds_ago)
    row = stage.row(request_id)
    stage.ledger.replace(replace(row, mail=Mail.SENDING, mail_at=claimed_at))
    return request_id


def test_a_claim_of_less_than_ten_minutes_is_left_alone(stage: Stage) -> None:
    request_id = claimed(stage, 599)
    stage.poll()
    assert stage.mails() == []
    assert stage.row(request_id).mail is Mail.SENDING
    assert stage.pending.only.asked_delay == 1
    stage.time.advance(2)
    stage.poll()
    assert len(stage.mails()) == 1


def test_a_claim_of_ten_minutes_is_taken_over(stage: Stage) -> None:
    request_id = claimed(stage, 600)
    stage.poll()
    assert len(stage.mails()) == 1
    assert stage.row(request_id).mail is Mail.SENT


@pytest.mark.parametrize("mail", [Mail.SENT, Mail.NOBODY, Mail.FAILED])
def test_a_mail_that_was_dealt_with_is_not_sent_again(stage: Stage, mail: Mail) -> None:
    request_id = ended(stage)
    stage.ledger.replace(replace(stage.row(request_id), mail=mail))
    stage.poll()
    assert stage.mails() == []
    assert stage.pending.kept == []
