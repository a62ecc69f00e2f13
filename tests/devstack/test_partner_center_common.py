"""What concerns every offer at once: troubles of the whole service, and what cancel calls hit."""

from collections.abc import Callable, Iterator

import pytest

from devstack.partner_center import Fault, Simulator
from devstack.partner_center.visitor import Visitor

pytestmark = pytest.mark.integration

type Visit = Callable[..., Visitor]
UNAVAILABLE = Fault(on=("list", "cancel"), status=503)


@pytest.fixture(autouse=True)
def _well_afterwards(simulator: Simulator) -> Iterator[None]:
    yield
    simulator.suffer()


def test_every_offer_meets_a_trouble_of_the_service_until_it_is_over(
    visit: Visit, simulator: Simulator
) -> None:
    visitor = visit("cancels-after-202")
    simulator.suffer(UNAVAILABLE)
    assert visitor.get("submissions").status_code == 503
    assert visitor.get("status").status_code == 200
    simulator.suffer()
    assert visitor.get("submissions").status_code == 200


def test_an_offers_own_fault_comes_first(visit: Visit, simulator: Simulator) -> None:
    visitor = visit("refused-400")
    simulator.suffer(UNAVAILABLE)
    assert visitor.cancel().status_code == 400


def test_what_a_carried_out_cancel_call_hit_is_known_and_whose_it_was(
    visit: Visit, simulator: Simulator, offer: str
) -> None:
    visitor = visit("error-though-carried-out")
    assert [visitor.cancel().status_code for _ in range(2)] == [500, 202]
    [publish] = simulator.truth("contoso", offer)
    calls = simulator.cancel_calls("contoso", offer)
    assert [call.hit for call in calls] == [publish.id, publish.id]
    assert {call.emails for call in calls} == {"a@contoso.com"}


def test_a_refused_cancel_call_was_not_carried_out(
    visit: Visit, simulator: Simulator, offer: str
) -> None:
    visit("refused-409").cancel()
    assert simulator.cancel_calls("contoso", offer) == []


def test_a_cancel_call_with_nothing_to_cancel_hits_nothing(
    visit: Visit, simulator: Simulator, offer: str
) -> None:
    visit("idle-but-202").cancel()
    assert [call.hit for call in simulator.cancel_calls("contoso", offer)] == [None]
