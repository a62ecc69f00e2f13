"""The soak, for less than a minute: ``make soak`` runs the same for as long as asked."""

from dataclasses import replace
from pathlib import Path

import pytest

from devstack.processes import ROOT
from devstack.soak.app_copy import copy_app
from devstack.soak.pace import HURRIED
from devstack.soak.plan import Kind
from devstack.soak.report import is_passed, report
from devstack.soak.soak import Soak, Wishes
from devstack.soak.verdict import Verdict, Wrong
from tests.e2e.clean_logs import assert_clean

pytestmark = pytest.mark.integration

SEED = 7
SECONDS = 20.0
REQUESTS = 200

# Each lies, loses or repeats in its own way: file, what is there, what is put in its place.
BREAKS = (
    (
        "shared/judgment.py",
        "OperationState.CANCELED: OutcomeName.CANCELED,",
        "OperationState.CANCELED: OutcomeName.COMPLETED_FIRST,",
    ),
    (
        "shared/pending_step.py",
        "        match self._outcome_mail.send(mailed, record):\n",
        "        self._queue.delete(message)\n"
        "        match self._outcome_mail.send(mailed, record):\n",
    ),
    (
        "shared/outcome_mail.py",
        "            mail = render(notice, mailer.settings.sender)\n",
        "            mail = render(notice, mailer.settings.sender)\n"
        "            mailer.sender.send(mail, left)\n",
    ),
)


@pytest.fixture(scope="module")
def soaked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Soak, Verdict]:
    wishes = Wishes(seconds=SECONDS, seed=SEED, at_first=REQUESTS)
    soak = Soak(tmp_path_factory.mktemp("soak"), wishes, print)
    return soak, soak.run()


def test_nothing_is_lost_false_or_repeated_while_everything_breaks(
    soaked: tuple[Soak, Verdict],
) -> None:
    soak, verdict = soaked
    assert is_passed(verdict), report(soak, verdict, SEED)
    assert [verdict.count(wrong) for wrong in Wrong] == [0, 0, 0]


def test_everything_broke_and_hundreds_were_on_their_way(soaked: tuple[Soak, Verdict]) -> None:
    soak, verdict = soaked
    assert {trouble.kind for trouble in soak.breaker.troubles} == set(Kind)
    assert len(soak.crowd.asked) >= REQUESTS
    assert sum(verdict.outcomes.values()) >= len(soak.crowd.asked)
    assert len(verdict.outcomes) >= 5


def test_nothing_that_broke_got_an_address_or_a_secret_into_the_log(
    soaked: tuple[Soak, Verdict],
) -> None:
    assert_clean(soaked[0].stack)


def test_callers_came_in_every_way_and_came_back(soaked: tuple[Soak, Verdict]) -> None:
    asked = soaked[0].crowd.asked
    assert {each.by for each in asked} == {"http", "queue", "webhook"}
    assert sum(each.sent_again for each in asked) >= 20
    assert any(each.is_withdrawn for each in asked)


def test_an_app_that_is_broken_is_found_out(tmp_path: Path) -> None:
    app = copy_app(ROOT, tmp_path / "broken")
    for name, old, new in BREAKS:
        text = (app / name).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{name} has changed: break it in another way"
        (app / name).write_text(text.replace(old, new), encoding="utf-8")
    wishes = Wishes(
        seconds=6,
        seed=SEED,
        at_first=60,
        kinds=frozenset({Kind.MAIL_REFUSED}),
        pace=replace(HURRIED, rest_seconds=15),  # what goes on after that is lost as well
        app=app,
    )
    soak = Soak(tmp_path / "soak", wishes, print)
    verdict = soak.run()
    assert all(verdict.count(wrong) for wrong in Wrong), report(soak, verdict, SEED)
    assert not is_passed(verdict)
