"""Stories at whose end something may lie on a poison queue, for people to deal with."""

from tests.simulation.host import MAX_DEQUEUE_COUNT, Host
from tests.simulation.runs import OFFER, Story

DEADLY = 6
"""So many deaths, and the poller gives a message up."""

MALFORMED_REQUESTS = (
    "not json",
    '{"publisherId":"contoso"}',
    '{"publisherId":"contoso","offerId":"../x","requestId":"00000000-0000-4000-8000-0000000000aa"}',
    '{"publisherId":"contoso","offerId":"an-offer","operationId":"not-a-guid"}',
)
MALFORMED_PENDING = (
    "bm90IGpzb24=",
    '{"version":1,"offerId":"an-offer"}',
)


def messages_that_nobody_can_read(host: Host) -> None:
    """Beside a request that is as it should be."""
    world = host.world
    world.portal.create_offer(OFFER, "cancels-after-202")
    for text in MALFORMED_REQUESTS[:2]:
        world.put_malformed(world.requests, text)
    world.put_malformed(world.pending, MALFORMED_PENDING[1])
    host.ask(OFFER, at=1.0)


def a_request_that_is_put_back(host: Host) -> None:
    """Its workers die of it until the host gives it up; who asked has just been told so."""
    host.world.portal.create_offer(OFFER, "cancels-after-202")
    host.ask(OFFER, at=1.0)
    host.at(1.0, lambda: host.world.requests.workers_die(MAX_DEQUEUE_COUNT + 1))
    host.at(31.0, lambda: host.redrive(0))


def a_pending_cancellation_that_is_put_back(host: Host) -> None:
    """The same with what is polled, much later: the target's end is long there to be read."""
    host.world.portal.create_offer(OFFER, "cancels-after-202")
    host.ask(OFFER, at=1.0)
    host.at(3.0, lambda: host.world.pending.workers_die(DEADLY))
    host.at(1200.0, lambda: host.redrive(0))


def a_newer_publish_that_nobody_read_again(host: Host) -> None:
    """It was hit by the cancel call, and whoever would have read so dies of the message."""
    host.world.portal.create_offer(OFFER, "newer-before-cancel")
    host.ask(OFFER, at=1.0)
    host.at(3.0, lambda: host.world.pending.workers_die(DEADLY))


def a_message_that_nobody_survives_twice(host: Host) -> None:
    """All goes well at first; what a fault has left behind is given up when it comes again."""
    host.world.portal.create_offer(OFFER, "newer-before-cancel")
    host.ask(OFFER, at=1.0)
    host.at(100.0, lambda: host.world.pending.workers_die(DEADLY))


def a_pending_cancellation_that_is_taken_alone(host: Host) -> None:
    """Two workers have died of one of two that are polled; it is taken last."""
    for number in (1, 2):
        host.world.portal.create_offer(f"offer-{number}", "cancels-after-202")
        host.ask(f"offer-{number}", at=1.0)
    host.at(1.2, lambda: host.world.pending.workers_die(2))


def settings_that_are_wrong_for_a_while(host: Host) -> None:
    """Mail and Partner Center cannot be used until somebody has mended the settings."""
    mistakes = host.world.mistakes
    host.world.portal.create_offer(OFFER, "cancels-after-202")
    mistakes.in_mail = mistakes.in_partner_center = True
    host.ask(OFFER, at=1.0)
    host.at(60.0, lambda: setattr(mistakes, "in_partner_center", False))
    host.at(240.0, lambda: setattr(mistakes, "in_mail", False))


POISON_STORIES: dict[str, Story] = {
    story.__name__: story
    for story in (
        messages_that_nobody_can_read,
        a_request_that_is_put_back,
        a_pending_cancellation_that_is_put_back,
        a_pending_cancellation_that_is_taken_alone,
        a_newer_publish_that_nobody_read_again,
        a_message_that_nobody_survives_twice,
        settings_that_are_wrong_for_a_while,
    )
}
