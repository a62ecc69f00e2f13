"""Stories of more than one request, or of a world that changes under one."""

from tests.simulation.host import Host
from tests.simulation.poison_stories import POISON_STORIES
from tests.simulation.runs import OFFER, Run, Story, run, script_of, story_of


def two_requests_at_once(host: Host) -> None:
    """Two people ask for the same publish to be canceled, before either is looked at."""
    host.world.portal.create_offer(OFFER, "cancels-after-202")
    host.ask(OFFER, at=1.0)
    host.ask(OFFER, at=1.0)


def two_requests_for_what_cannot_be_canceled(host: Host) -> None:
    """The call for both of them is taken, and fails."""
    host.world.portal.create_offer(OFFER, "cancel-fails")
    host.ask(OFFER, at=1.0)
    host.ask(OFFER, at=1.0)


def two_requests_of_which_one_is_refused(host: Host) -> None:
    """The second call for a publish that is being canceled is refused."""
    refused = {"on": ["cancel"], "skip": 1, "status": 409, "code": "Conflict", "message": "Busy."}
    host.world.portal.create_offer(OFFER, "cancels-after-202", faults=[refused])
    host.ask(OFFER, at=1.0)
    host.ask(OFFER, at=1.0)


def a_newer_publish(host: Host) -> None:
    """While Partner Center is down, the publish that was meant ends and another one starts."""
    portal = host.world.portal
    offer = portal.create_offer(OFFER, "cancels-after-202", ends_after_seconds=8)
    portal.is_down = True

    def comes_back() -> None:
        offer.publish()
        portal.is_down = False

    host.ask(OFFER, at=1.0)
    host.at(9.0, comes_back)


def a_newer_publish_after_the_cancel(host: Host) -> None:
    """What was meant is canceled, and published again before anybody is told."""
    offer = host.world.portal.create_offer(OFFER, "cancels-after-202")

    def publish_again() -> None:
        if offer.running() is None:
            offer.publish()

    host.ask(OFFER, at=1.0)
    host.at(14.0, publish_again)


def a_mail_server_that_is_down(host: Host) -> None:
    """The outcome waits for its mail."""
    host.world.portal.create_offer(OFFER, "cancels-after-202")
    host.world.mail.is_down = True
    host.ask(OFFER, at=1.0)
    host.at(100.0, lambda: setattr(host.world.mail, "is_down", False))


def a_key_that_is_sent_twice_at_once(host: Host) -> None:
    """One request with an Idempotency-Key, and once more long after it has ended."""
    host.world.portal.create_offer(OFFER, "cancels-after-202")
    asked = host.ask(OFFER, at=1.0, key="build 4711")
    host.ask_again(asked, at=1.0)
    host.ask_again(asked, at=100.0)


def a_key_that_two_requests_have(host: Host) -> None:
    """Three people send different requests with one key; two of them are told so."""
    host.world.portal.create_offer(OFFER, "cancels-after-202")
    for at in (1.0, 4.0, 4.0):
        host.ask(OFFER, at=at, key="build 4711")


def a_request_that_is_withdrawn_at_once(host: Host) -> None:
    """It is taken back before anybody has looked at it."""
    host.world.portal.create_offer(OFFER, "cancels-after-202")
    asked = host.ask(OFFER, at=1.0)
    host.take_back(asked, at=1.0)


def a_request_that_is_withdrawn_while_it_waits(host: Host) -> None:
    """Partner Center cannot be reached until it has been taken back; then somebody asks again."""
    portal = host.world.portal
    portal.create_offer(OFFER, "cancels-after-202")
    portal.is_down = True
    asked = host.ask(OFFER, at=1.0, key="build 4711")
    host.take_back(asked, at=20.0)
    host.take_back(asked, at=21.0)
    host.ask_again(asked, at=22.0)
    host.at(23.0, lambda: setattr(portal, "is_down", False))


def a_request_that_is_withdrawn_too_late(host: Host) -> None:
    """Its cancel call has been sent."""
    host.world.portal.create_offer(OFFER, "cancels-after-202")
    asked = host.ask(OFFER, at=1.0, key="build 4711")
    host.take_back(asked, at=4.0)


def the_first_of_two_requests_is_withdrawn(host: Host) -> None:
    """Both are about the same publish; the other one has it canceled."""
    portal = host.world.portal
    portal.create_offer(OFFER, "cancels-after-202")
    portal.is_down = True
    asked = host.ask(OFFER, at=1.0)
    host.ask(OFFER, at=2.0)
    host.take_back(asked, at=10.0)
    host.at(10.0, lambda: setattr(portal, "is_down", False))


STORIES: dict[str, Story] = {
    story.__name__: story
    for story in (
        two_requests_at_once,
        two_requests_for_what_cannot_be_canceled,
        two_requests_of_which_one_is_refused,
        a_newer_publish,
        a_newer_publish_after_the_cancel,
        a_mail_server_that_is_down,
    )
}
CALLERS_STORIES: dict[str, Story] = {
    story.__name__: story
    for story in (
        a_key_that_is_sent_twice_at_once,
        a_key_that_two_requests_have,
        a_request_that_is_withdrawn_at_once,
        a_request_that_is_withdrawn_while_it_waits,
        a_request_that_is_withdrawn_too_late,
        the_first_of_two_requests_is_withdrawn,
    )
}


def story_named(name: str) -> Story:
    """One of these stories, or that of one request in a scenario of the simulator."""
    stories = {**STORIES, **CALLERS_STORIES, **POISON_STORIES}
    return stories[name] if name in stories else story_of(name)


def replay(name: str, faults: str = "") -> Run:
    """Play what a failed test has printed: ``replay("answer-lost", "7 crash-after, 12 pause")``."""
    return run(story_named(name), script_of(faults))
