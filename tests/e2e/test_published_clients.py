"""A client of the Cancel operation API works by changing its host name and adding the key."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from devstack.stack import DEFAULT_RECIPIENT, Stack
from tests.e2e.asking import ANA, BOB, PUBLISHER
from tests.e2e.breaking import cancel_calls
from tests.e2e.published_clients import CLIENTS, KNOWN_STATES, Members
from tests.e2e.seeing import outcome_mail

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def ended(stack: Stack) -> dict[str, Members]:
    """What each client was told last, of an offer of its own; all at once."""
    for name in CLIENTS:
        stack.partner_center.create_offer(PUBLISHER, name, "cancels-after-202")
    with ThreadPoolExecutor(len(CLIENTS)) as threads:
        ends = threads.map(lambda name: CLIENTS[name](stack.url, name), CLIENTS)
        return dict(zip(CLIENTS, ends, strict=True))


@pytest.mark.parametrize("name", CLIENTS)
def test_a_published_client_cancels_and_sees_how_it_ended(
    stack: Stack, ended: dict[str, Members], name: str
) -> None:
    assert (ended[name]["status"], ended[name]["outcome"]) == ("canceled", "canceled")
    assert ended[name]["status"] in KNOWN_STATES
    [operation] = stack.partner_center.truth(PUBLISHER, name)
    assert operation.state == "canceled"
    assert ended[name]["targetOperationId"] == operation.id
    assert cancel_calls(stack, name) == 1


@pytest.mark.parametrize("name", CLIENTS)
def test_who_the_client_named_is_mailed(stack: Stack, ended: dict[str, Members], name: str) -> None:
    mail = outcome_mail(stack, ended[name]["id"])
    names_nobody = not name.startswith("page-") or name.startswith("page-000")
    assert set(mail.recipients) == ({DEFAULT_RECIPIENT} if names_nobody else {ANA, BOB})
