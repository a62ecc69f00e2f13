"""What the whole app writes to its log: that it runs, and nothing that is not listed."""

import pytest

from devstack.stack import Stack
from tests.deployment.queries import IN_EVERY_EVENT, events_written, fields_of
from tests.e2e.asking import PUBLISHER, ask
from tests.e2e.seeing import DEADLINE_SECONDS, outcome_of

pytestmark = pytest.mark.integration


def test_the_poller_tells_that_it_runs_and_what_there_is_to_do(stack: Stack) -> None:
    told = stack.events.wait_for(lambda event: event.name == "poller-run", DEADLINE_SECONDS)
    figures = {"backlog", "pending", "poison", "open", "oldestSeconds", "untold", "untoldSeconds"}
    assert figures <= told.details.keys()
    assert "reason" not in told.details


def test_every_line_of_the_log_is_an_event_that_is_listed(stack: Stack) -> None:
    stack.partner_center.create_offer(PUBLISHER, "listed-events", "cancels-after-202")
    request_id = ask(stack, "listed-events")
    assert outcome_of(stack, request_id) == "canceled"
    names = {each.name for each in events_written()}
    seen = [event for event in stack.events.all() if event.name in names]
    about = {event.name for event in stack.events.all(request_id=request_id)}
    assert {"request-accepted", "cancel-sent", "polled", "outcome-found", "mail-sent"} <= about
    assert about <= names
    for event in seen:
        assert event.details.keys() - IN_EVERY_EVENT <= fields_of({event.name}), event.name
