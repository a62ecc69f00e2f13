"""One key sent twice at once, and withdrawing against submitting: in every order of their effects.

And with each fault at each effect of stories about callers.
"""

import itertools

import pytest

from tests.simulation.boundaries import Fault
from tests.simulation.host import Host
from tests.simulation.interleavings import Begin, Begun, Struck, all_orders, in_order
from tests.simulation.oracle import problems
from tests.simulation.runs import OFFER, run
from tests.simulation.stories import CALLERS_STORIES
from tests.simulation.test_single_faults import at_every_effect
from tests.simulation.world import Tampering, World

KEY = "build 4711"
MOST_EFFECTS = 14  # of one submission
RECEIVED = "0"  # that a message is received changes nothing for callers


def a_host(tampering: Tampering | None = None) -> Host:
    """One publish runs."""
    host = Host(World(tampering=tampering))
    host.world.portal.create_offer(OFFER, "cancels-after-202")
    return host


def one_key_twice() -> Begun:
    """The same is sent twice."""
    host = a_host()
    asked = host.ask(OFFER, key=KEY)
    host.ask_again(asked, at=0.0)
    return host, host.next_call, host.next_call


def one_key_for_two() -> Begun:
    """Two requests have one key."""
    host = a_host()
    host.ask(OFFER, key=KEY)
    host.ask(OFFER, key=KEY)
    return host, host.next_call, host.next_call


def one_key_again_while_it_is_submitted() -> Begun:
    """The same is sent again while its message is worked on."""
    host = a_host()
    asked = host.ask(OFFER, key=KEY)
    host.next_call()
    host.ask_again(asked, at=0.0)
    return host, host.deliver, host.next_call


def withdrawn_while_it_is_submitted(tampering: Tampering | None = None) -> Begun:
    """It is taken back while its message is worked on."""
    host = a_host(tampering)
    asked = host.ask(OFFER)
    host.next_call()
    host.take_back(asked, at=0.0)
    return host, host.deliver, host.next_call


def withdrawn_twice() -> Begun:
    """It is taken back by two at once."""
    host = a_host()
    asked = host.ask(OFFER)
    host.next_call()
    host.take_back(asked, at=0.0)
    host.take_back(asked, at=0.0)
    return host, host.next_call, host.next_call


def withdrawn_while_it_is_sent_again() -> Begun:
    """It is taken back while the same is sent again."""
    host = a_host()
    asked = host.ask(OFFER, key=KEY)
    host.next_call()
    host.ask_again(asked, at=0.0)
    host.take_back(asked, at=0.0)
    return host, host.next_call, host.next_call


@pytest.mark.parametrize(
    ("begin", "beginning", "least"),
    [
        (one_key_twice, "", 30),
        (one_key_for_two, "", 20),
        (one_key_again_while_it_is_submitted, RECEIVED, 500),
        (withdrawn_while_it_is_submitted, RECEIVED, 500),
        (withdrawn_twice, "", 200),
        (withdrawn_while_it_is_sent_again, "", 100),
    ],
)
def test_in_every_order_callers_are_told_the_truth(
    begin: Begin, beginning: str, least: int
) -> None:
    orders = 0
    for order in all_orders(begin, beginning=beginning):
        orders += 1
        assert not problems(order.host.world), str(order)
    assert orders >= least


def two_workers_with_one_request() -> Begun:
    """It was sent twice, and so it is on the queue twice."""
    host = a_host()
    asked = host.ask(OFFER, key=KEY)
    host.ask_again(asked, at=0.0)
    host.next_call()
    host.next_call()
    return host, host.deliver, host.deliver


def test_two_workers_with_one_request_send_one_cancel_call() -> None:
    """One does so many steps, then the other, then the first goes on to its end."""
    for lead, others in itertools.product(range(MOST_EFFECTS), repeat=2):
        order = in_order(two_workers_with_one_request, "0" * lead + "1" * others)
        assert len(order.host.world.portal.sent) == 1, str(order)
        assert not problems(order.host.world), str(order)


@pytest.mark.parametrize("fault", [Fault.CRASH_AFTER, Fault.ERROR, Fault.LOST])
@pytest.mark.parametrize(("begin", "effects"), [(one_key_twice, 4), (one_key_for_two, 3)])
def test_whatever_fails_in_whichever_order_callers_are_told_the_truth(
    begin: Begin, effects: int, fault: Fault
) -> None:
    for effect in range(effects):
        struck, was_struck = Struck(0, effect, fault), False
        for order in all_orders(begin, struck):
            was_struck = was_struck or order.was_struck
            assert not problems(order.host.world), f"{struck} {order}"
        assert was_struck


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("story", CALLERS_STORIES)
def test_a_fault_at_any_effect_leaves_callers_with_the_truth(story: str, fault: Fault) -> None:
    at_every_effect(story, fault)


def test_the_stories_meet_what_they_are_about() -> None:
    worlds = {name: run(story).world for name, story in CALLERS_STORIES.items()}
    told = {name: _told(world) for name, world in worlds.items()}
    assert told == {
        "a_key_that_is_sent_twice_at_once": ([202, 202, 202], [], ["canceled"]),
        "a_key_that_two_requests_have": ([202, 409, 409], [], ["canceled"]),
        "a_request_that_is_withdrawn_at_once": ([202], [200], ["withdrawn"]),
        "a_request_that_is_withdrawn_while_it_waits": ([202, 202], [200, 200], ["withdrawn"]),
        "a_request_that_is_withdrawn_too_late": ([202], [409], ["canceled"]),
        "the_first_of_two_requests_is_withdrawn": ([202, 202], [200], ["withdrawn", "canceled"]),
    }


def _told(world: World) -> tuple[list[int], list[int], list[str]]:
    """The status of every POST and every DELETE that was answered, and how the requests ended."""
    posts = [told.status for asked in world.asked for told in asked.answers]
    deletes = [told.status for taking in world.taken_back for told in taking.answers]
    return posts, deletes, [row.outcome.name.value for row in world.rows if row.outcome]
