"""The oracle can fail: the app is broken on purpose, and each time it says what is wrong."""

from itertools import chain

import pytest

from tests.simulation import broken_apps as broken
from tests.simulation.boundaries import Fault
from tests.simulation.host import Host
from tests.simulation.runs import OFFER, Story, run, story_of
from tests.simulation.world import Tampering

ANY = (Fault.CRASH_AFTER, Fault.LOST, Fault.TWIN)


def with_a_newer_publish(host: Host) -> None:
    """While Partner Center is down, the publish that was meant ends and another one starts."""
    portal = host.world.portal
    offer = portal.create_offer(OFFER, "cancels-after-202", ends_after_seconds=8)
    portal.is_down = True

    def comes_back() -> None:
        offer.publish()
        portal.is_down = False

    host.ask(OFFER, at=1.0)
    host.at(9.0, comes_back)


def complaints(story: Story, tampering: Tampering) -> list[str]:
    """What the oracle says of the undisturbed run, and of those with one fault."""
    undisturbed = run(story, tampering=tampering)
    effects = len(undisturbed.effects)
    disturbed = (
        run(story, {number: fault}, tampering).problems
        for fault in ANY
        for number in range(min(effects, 40))
    )
    return list(chain(undisturbed.problems, *disturbed))


@pytest.mark.parametrize(
    ("scenario", "tampering", "complaint"),
    [
        (
            "answer-lost-then-404",
            broken.broken("ledger", broken.ForgetsTheIntent),
            "rejected is not true",
        ),
        ("cancel-fails", broken.broken("center", broken.Trusts200), "canceled is not true"),
        ("completes-first", broken.broken("center", broken.Trusts200), "canceled is not true"),
        ("cancels-after-202", broken.broken("ledger", broken.NeverMarksAsMailed), "ended as none"),
        ("cancels-after-202", broken.broken("ledger", broken.LastWriteWins), "mails"),
        (
            "newer-before-cancel",
            broken.broken("pending", broken.HidesWhatElseIsHit),
            "a mail does not say so",
        ),
        (
            "throttled-seconds",
            broken.broken("requests", broken.LosesWhatIsPutBack),
            "unconfirmed is not true",
        ),
        ("cancels-after-202", broken.broken("pending", broken.DeletesOnReceive), "nobody was told"),
        ("cancels-after-202", broken.broken("sender", broken.MailsTwice), "2 mails canceled"),
        ("cancels-after-202", broken.broken("sender", broken.MailsNobody), "nobody was told"),
    ],
)
def test_an_app_that_is_broken_is_found_out(
    scenario: str, tampering: Tampering, complaint: str
) -> None:
    found = complaints(story_of(scenario), tampering)
    assert any(complaint in each for each in found), "\n".join(sorted(set(found))) or "nothing"


def test_a_cancel_call_for_a_publish_that_was_not_meant_is_found_out() -> None:
    broken_app = broken.broken("center", broken.TellsNoTimes)
    assert not complaints(with_a_newer_publish, lambda parts: parts)
    found = complaints(with_a_newer_publish, broken_app)
    assert any("was seen before the call, and was hit" in each for each in found)
