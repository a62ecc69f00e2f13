"""The oracle can fail: the app is broken on purpose, and each time it says what is wrong."""

from collections.abc import Iterator
from itertools import chain

import pytest

from tests.simulation import broken_apps as broken
from tests.simulation.boundaries import Fault
from tests.simulation.interleavings import in_order
from tests.simulation.oracle import problems
from tests.simulation.poison_stories import (
    a_request_that_is_put_back,
    messages_that_nobody_can_read,
)
from tests.simulation.runs import Story, run, story_of
from tests.simulation.stories import (
    a_key_that_is_sent_twice_at_once,
    a_key_that_two_requests_have,
    a_newer_publish,
    a_request_that_is_withdrawn_at_once,
    a_request_that_is_withdrawn_too_late,
)
from tests.simulation.test_callers import withdrawn_while_it_is_submitted
from tests.simulation.test_poller_steps import SEEDS, play, three_requests
from tests.simulation.turns import by_seed
from tests.simulation.world import Tampering

ANY = (Fault.CRASH_AFTER, Fault.LOST, Fault.TWIN)


def complaints(story: Story, tampering: Tampering) -> Iterator[str]:
    """What the oracle says of the undisturbed run, and then of those with one fault."""
    undisturbed = run(story, tampering=tampering)
    effects = len(undisturbed.effects)
    disturbed = (
        run(story, {number: fault}, tampering).problems
        for fault in ANY
        for number in range(min(effects, 40))
    )
    return chain(undisturbed.problems, chain.from_iterable(disturbed))


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
    assert any(complaint in each for each in complaints(story_of(scenario), tampering))


def test_a_cancel_call_for_a_publish_that_was_not_meant_is_found_out() -> None:
    broken_app = broken.broken("center", broken.TellsNoTimes)
    found = complaints(a_newer_publish, broken_app)
    assert any("was seen before the call, and was hit" in each for each in found)


@pytest.mark.parametrize(
    ("story", "tampering", "complaint"),
    [
        (
            messages_that_nobody_can_read,
            broken.broken("requests_poison", broken.LosesPoison),
            "a malformed message is gone",
        ),
        (
            messages_that_nobody_can_read,
            broken.broken("sender", broken.KeepsDigestsToItself),
            "no operator was told",
        ),
        (
            a_request_that_is_put_back,
            broken.broken("ledger", broken.ForgetsWhatItReplaces),
            "two mails disagree",
        ),
        (
            story_of("cancels-after-202"),
            broken.broken("center", broken.FollowsEveryLocation),
            "a call to /api/publishers/somebody-else",
        ),
        (
            story_of("cancels-after-202"),
            broken.broken("center", broken.TellsItsToken),
            "the token is told",
        ),
    ],
)
def test_poison_or_a_token_that_goes_astray_is_found_out(
    story: Story, tampering: Tampering, complaint: str
) -> None:
    assert any(complaint in each for each in complaints(story, tampering))


@pytest.mark.parametrize(
    ("story", "tampering", "complaint"),
    [
        (
            a_key_that_is_sent_twice_at_once,
            broken.broken("ledger", broken.InsertsAnew),
            "was removed after its 202",
        ),
        (
            a_key_that_two_requests_have,
            broken.broken("ledger", broken.InsertsAnew),
            "was not mailed to asker1",
        ),
        (
            a_key_that_two_requests_have,
            broken.broken("ledger", broken.ForgetsWhatWasAsked),
            "key build 4711 is that of",
        ),
        (
            a_request_that_is_withdrawn_too_late,
            broken.broken("ledger", broken.ForgetsTheCancelCall),
            "withdrawn is not true",
        ),
        (
            a_request_that_is_withdrawn_at_once,
            broken.broken("pending", broken.LosesPoison),
            "nobody was told",
        ),
    ],
)
def test_callers_who_are_not_told_the_truth_are_found_out(
    story: Story, tampering: Tampering, complaint: str
) -> None:
    assert any(complaint in each for each in complaints(story, tampering))


def test_a_cancel_call_after_a_withdrawal_is_found_out() -> None:
    broken_app = broken.broken("ledger", broken.LastWriteWins)
    found = []
    for effects in range(8):
        first, then = "0" * effects, "1" * 5
        order = in_order(lambda: withdrawn_while_it_is_submitted(broken_app), first + then)
        found += problems(order.host.world)
    assert any("a cancel call was sent for" in each for each in found)


def test_steps_of_one_run_that_get_into_each_others_way_are_found_out() -> None:
    broken_app = broken.broken("sender", broken.CannotBeShared)
    found = (play(three_requests, by_seed(seed), None, broken_app).problems for seed in SEEDS)
    assert any("nobody was told" in each for each in chain.from_iterable(found))
    assert not play(three_requests, lambda count: 0, None, broken_app).problems
