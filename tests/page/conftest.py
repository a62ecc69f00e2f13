"""A deployment with requests of different fate, and a browser to look at them."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser

from devstack.stack import Stack
from tests.e2e.asking import ask, enqueue, path_of, send, with_emails
from tests.e2e.clean_logs import assert_nothing_crashed, leaks_in
from tests.e2e.seeing import event_of, eventually, outcome_of, row_of
from tests.page.browsing import chromium
from tests.page.builders import HOSTILE

PUBLISHER = "contoso"
_FAST = {
    "POLL_SCHEDULE": "*/2 * * * * *",
    "SECOND_LOOK_SECONDS": "2",
    "RETRY_FIRST_SECONDS": "1",
    "ALLOWED_PUBLISHERS": PUBLISHER,
}
_BUSY = {"on": ["list"], "status": 503, "code": "Busy", "message": "Later."}
_LONG = "an-offer-whose-name-is-as-long-as-a-name-can-be-50"


@dataclass(frozen=True, kw_only=True)
class Told:
    """What was asked of the deployment: request ids, by what became of them."""

    stuck: str
    canceled: str
    too_late: str
    poisoned: str


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("page"), settings=_FAST) as running:
        yield running
    assert not leaks_in(running.host.log.read_text(encoding="utf-8"))
    assert_nothing_crashed(running)


@pytest.fixture(scope="package")
def told(stack: Stack) -> Told:
    center = stack.partner_center
    center.create_offer(PUBLISHER, _LONG, "cancels-after-202", faults=[_BUSY])
    center.create_offer(PUBLISHER, "canceled-vm", "cancels-at-once")
    center.create_offer(PUBLISHER, "too-late-vm", "completes-first")
    path = f"{path_of(_LONG)}?api-version=2017-10-31"
    stuck = str(send(stack, path, with_emails(reason=HOSTILE)).members["id"])
    canceled, too_late = ask(stack, "canceled-vm"), ask(stack, "too-late-vm")
    poisoned = enqueue(stack, f'{{"publisherId": "{PUBLISHER}", "offerId": 7}}')
    event_of(stack, stuck, "request-rescheduled")
    stack.events.wait_for(lambda event: event.name == "message-poisoned", 240)
    assert (outcome_of(stack, canceled), outcome_of(stack, too_late)) == (
        "canceled",
        "completed-first",
    )
    for request_id in (canceled, too_late):  # the event comes before the row tells it
        eventually(lambda each=request_id: row_of(stack, each)["mail"] == "sent", "it is mailed")  # type: ignore[misc]
    return Told(stuck=stuck, canceled=canceled, too_late=too_late, poisoned=poisoned)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found
