"""Settings that are wrong and then mended: every problem is said at once, and nothing is lost."""

import pytest

from devstack.events import Event
from devstack.stack import Stack
from shared.check_watch import check_soon
from shared.memory import TableMemory
from shared.settings import StorageSettings
from shared.storage_clients import table_client
from tests.e2e.asking import ANA, BOB, ask, enqueue, message_for, path_of, send, with_emails
from tests.e2e.breaking import cancel_calls, started
from tests.e2e.clean_logs import PASSWORD
from tests.e2e.seeing import (
    DEADLINE_SECONDS,
    event_of,
    eventually,
    mails_about,
    outcome_of,
    row_of,
)

pytestmark = pytest.mark.integration


@pytest.fixture
def offer(breakable: Stack) -> str:
    """An offer of the test's own, whose publish can be canceled at once."""
    return started(breakable, "cancels-at-once")


def problems_told(stack: Stack, part: str, after: int) -> str:
    """What the log says at once of a part of the settings."""
    told = stack.events.wait_for(
        lambda event: event.name == "settings-unusable" and event.details["part"] == part,
        DEADLINE_SECONDS,
        after=after,
    )
    assert told.level == "error"
    return "; ".join(told.details["problems"])


def test_wrong_mail_settings_stop_no_cancellation_and_lose_no_mail(
    breakable: Stack, offer: str
) -> None:
    right, after = breakable.host.settings, len(breakable.events.all())
    breakable.host.restart(NOTIFICATION_SENDER="", NOTIFICATION_SMTP_URL=f"ftp://u:{PASSWORD}@x")
    request_id = ask(breakable, offer)
    problems = problems_told(breakable, "Mail", after)
    assert "NOTIFICATION_SENDER" in problems
    assert "NOTIFICATION_SMTP_URL" in problems
    event_of(breakable, request_id, "mail-deferred")
    # The event comes before the row tells it.
    eventually(lambda: row_of(breakable, request_id)["mail"] == "none", "the mail waits")
    row = row_of(breakable, request_id)
    assert row["outcome"]["name"] == "canceled"
    assert row["emails"] == [ANA, BOB]
    assert not mails_about(breakable, request_id)
    breakable.host.stop()
    breakable.host.settings = right
    breakable.host.start()
    assert outcome_of(breakable, request_id) == "canceled"
    assert cancel_calls(breakable, offer) == 1


def test_wrong_partner_center_settings_let_requests_wait_and_say_every_problem(
    breakable: Stack,
) -> None:
    offers = [started(breakable, "cancels-at-once") for _ in range(2)]
    right, after = breakable.host.settings, len(breakable.events.all())
    breakable.host.restart(
        PARTNER_CENTER_URL="http://partner-center.example",
        PARTNER_CENTER_STATIC_TOKEN="",
        PARTNER_CENTER_CLIENT_SECRET=PASSWORD,
        PARTNER_CENTER_CERTIFICATE_PATH="/also/a/certificate.pem",
    )
    asked = [ask(breakable, offers[0]), enqueue(breakable, message_for(offers[1]))]
    problems = problems_told(breakable, "Partner Center", after)
    for name in ("URL", "TENANT_ID", "CLIENT_ID", "CLIENT_SECRET", "CERTIFICATE_PATH"):
        assert f"PARTNER_CENTER_{name}" in problems
    for request_id in asked:
        event_of(breakable, request_id, "request-rescheduled")
    assert not [event for event in _since(breakable, after) if event.name == "message-poisoned"]
    breakable.host.stop()
    breakable.host.settings = right
    breakable.host.start()
    assert [outcome_of(breakable, request_id) for request_id in asked] == ["canceled"] * 2


def test_wrong_policy_settings_take_no_request_over_http_and_lose_none_on_the_queue(
    breakable: Stack, offer: str
) -> None:
    right, after = breakable.host.settings, len(breakable.events.all())
    breakable.host.stop()
    stopped = len(breakable.events.all())
    check_again(breakable)
    breakable.host.restart(RETRY_FIRST_SECONDS="abc", POLL_CONCURRENCY="0")
    answered = send(breakable, path_of(offer), with_emails())
    assert answered.status == 503
    assert int(answered.headers["Retry-After"]) > 0
    assert answered.error[0] == "ServiceUnavailable"
    problems = problems_told(breakable, "Policy", after)
    assert "RETRY_FIRST_SECONDS" in problems
    assert "POLL_CONCURRENCY" in problems
    assert "RETRY_FIRST_SECONDS" in reason_of_failed_check(breakable, "settings-policy", after)
    request_id = enqueue(breakable, message_for(offer))
    event_of(breakable, request_id, "request-rescheduled")
    breakable.host.stop()
    # By which an alert knows that cancellations are followed.
    assert "poller-run" not in [event.name for event in _since(breakable, stopped)]
    breakable.host.settings = right
    breakable.host.start()
    assert outcome_of(breakable, request_id) == "canceled"


def check_again(stack: Stack) -> None:
    """Have the app check when it is started, be it that it did so a short while ago."""
    with table_client(StorageSettings.from_env(stack.host.settings)) as table:
        check_soon(TableMemory(table))


def reason_of_failed_check(stack: Stack, check: str, after: int) -> str:
    """What the app's own checks, which run once it has started, found wrong."""
    told = stack.events.wait_for(
        lambda event: event.name == "check-failed" and event.details["check"] == check,
        DEADLINE_SECONDS,
        after=after,
    )
    return str(told.details["reason"])


def _since(stack: Stack, after: int) -> list[Event]:
    return stack.events.all()[after:]
