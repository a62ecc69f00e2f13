"""Mail down for hours: outcomes wait, cancellations go on, and nothing is polled again for it."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from shared.errors import ConfigurationError, MailDeferredError
from shared.notification.guarded import FAILURES_IN_A_ROW, TRY_EVERY
from shared.notification.sender import Delivery
from shared.notification.smtp import SmtpSender
from shared.outcome_mail import Mailer
from shared.poison_digest import PoisonDigest
from shared.queues import PENDING_CANCELLATIONS
from shared.record import Mail
from tests.integration.crowd import Crowd, eventually
from tests.integration.duty import Duty
from tests.integration.parts import POLICY, policy
from tests.integration.scripted_smtp import ScriptedSmtp, Trouble
from tests.integration.stage import REQUESTER, Stage

pytestmark = pytest.mark.integration

TICK, MINUTES, HOUR = 15, 60, 3600
FULL, OPERATOR = "full@contoso.com", "operator@contoso.com"
HALF = POLICY.poll_concurrency // 2
NOBODY_TOO_MANY = policy(poll_concurrency=HALF)  # so that no mail waits for others to be sent

type Outage = Callable[[Stage], contextlib.AbstractContextManager[None]]


def in_its_place(**replies: Any) -> Outage:
    """Another server at the mail server's address."""

    @contextlib.contextmanager
    def outage(stage: Stage) -> Iterator[None]:
        stage.mailbox.stop()
        with ScriptedSmtp(stage.mailbox.port, **replies):
            yield
        stage.mailbox.start()

    return outage


@contextlib.contextmanager
def stopped(stage: Stage) -> Iterator[None]:
    stage.mailbox.stop_answering()
    yield
    stage.mailbox.start()


OUTAGES: dict[str, Outage] = {
    "refuses-connections": stopped,
    "refuses-in-its-greeting": in_its_place(GREETING="421 too busy"),
    "refuses-to-be-greeted": in_its_place(EHLO="550 who are you"),
    "refuses-the-sender": in_its_place(MAIL="451 later"),
    "refuses-recipients": in_its_place(RCPT="451 later"),
    "refuses-data": in_its_place(DATA="451 later"),
    "refuses-the-mail": in_its_place(END="451 later"),
    "hangs-up": in_its_place(GREETING=Trouble.HANG_UP),
    "hangs": in_its_place(GREETING=Trouble.SAY_NOTHING),
    "hangs-later": in_its_place(RCPT=Trouble.SAY_NOTHING),
    "drips": in_its_place(GREETING=Trouble.DRIP),
}
WITHOUT_END = {"hangs", "hangs-later", "drips"}


class Patience:
    """A sender that waits only a moment while a server hangs, and long for one that answers."""

    def __init__(self, stage: Stage) -> None:
        smtp = stage.mail_settings.server
        self._long = SmtpSender(smtp)
        self._short = SmtpSender(smtp, timeout_seconds=0.2, deadline_seconds=0.4)
        self.is_short = False

    def send(self, mail: Any, recipients: Sequence[str]) -> Delivery:
        return (self._short if self.is_short else self._long).send(mail, recipients)


def misconfigured() -> Mailer:
    raise ConfigurationError("Mail", ("NOTIFICATION_SENDER is missing",))


def hours_pass(stage: Stage, crowd: Crowd, mailer: Callable[[], Mailer]) -> None:
    """Three hours in which somebody asks every half hour, and each is polled to its end."""
    for _ in range(6):
        crowd.ask(cancel_seconds=5 * MINUTES)
        for _ in range(3):
            stage.play(TICK, mailer=mailer)
            stage.time.advance(10 * MINUTES)


def assert_only_mails_wait(stage: Stage, crowd: Crowd, mailer: Callable[[], Mailer]) -> None:
    calls = {each: crowd.calls(each) for each in crowd.request_ids}
    stage.poll(mailer=mailer)
    for each in crowd.request_ids:
        assert crowd.outcome(each) == "canceled"
        assert (crowd.row(each).mail, crowd.row(each).emails) == (Mail.NONE, (REQUESTER,))
        assert crowd.calls(each) == calls[each] <= 7  # four until the call was taken, three polls
        assert crowd.mails(each) == []
    assert stage.pending_poison.kept == []


def assert_every_outcome_is_mailed_once(
    stage: Stage, crowd: Crowd, mailer: Callable[[], Mailer]
) -> None:
    calls = [crowd.calls(each) for each in crowd.request_ids]
    for _ in range(HOUR // (5 * MINUTES)):
        stage.time.advance(5 * MINUTES)
        stage.poll(mailer=mailer)
        if not stage.pending.kept:
            break
    assert crowd.are_mailed_once()
    assert [crowd.calls(each) for each in crowd.request_ids] == calls
    assert stage.pending.kept == stage.pending_poison.kept == []


@pytest.mark.parametrize("outage", OUTAGES)
def test_for_hours_nothing_waits_but_mails(stage: Stage, outage: str) -> None:
    crowd, patience = Crowd(stage), Patience(stage)
    mailer = partial(stage.mailer, stage.guarded(patience))
    with OUTAGES[outage](stage):
        patience.is_short = outage in WITHOUT_END
        hours_pass(stage, crowd, mailer)
        assert_only_mails_wait(stage, crowd, mailer)
    patience.is_short = False
    assert_every_outcome_is_mailed_once(stage, crowd, mailer)


def test_for_hours_nothing_waits_but_mails_while_their_settings_are_wrong(stage: Stage) -> None:
    crowd = Crowd(stage)
    hours_pass(stage, crowd, misconfigured)
    assert_only_mails_wait(stage, crowd, misconfigured)
    assert_every_outcome_is_mailed_once(stage, crowd, stage.mailer)


class Watched:
    """A sender that counts tries, and hangs for as long as it is told to."""

    def __init__(self, stage: Stage) -> None:
        self._real = SmtpSender(stage.mail_settings.server)
        self._lock = threading.Lock()
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.fails = False
        self.tries = 0

    def send(self, mail: Any, recipients: Sequence[str]) -> Delivery:
        with self._lock:
            self.tries += 1
        self.goes_on.wait()
        if self.fails:
            raise MailDeferredError("the server is down")
        return self._real.send(mail, recipients)


def test_mails_that_hang_take_no_more_than_half_of_the_workers(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="offer_cancel")
    crowd, watched = Crowd(stage), Watched(stage)
    mailer = stage.mailer(stage.guarded(watched))
    ended = crowd.ask_many(3 * POLICY.poll_concurrency)
    polled = crowd.ask_many(3, "cancels-after-202", cancel_seconds=1)
    stage.time.advance(TICK)
    watched.goes_on.clear()
    with ThreadPoolExecutor(1) as timer:
        run = timer.submit(stage.poll, mailer=lambda: mailer)
        try:
            eventually(lambda: all(crowd.outcome(each) for each in polled))
            eventually(lambda: watched.tries == HALF)
            assert not run.done()
            assert crowd.row(ended[-1]).outcome is not None
        finally:
            watched.goes_on.set()
    for _ in range(20):
        stage.time.advance(TICK)
        stage.poll(mailer=lambda: mailer)
    assert crowd.are_mailed_once()
    assert "mail-deferred" not in caplog.text  # who waited for a worker has not failed


def test_a_server_that_keeps_failing_is_tried_by_one_now_and_then(stage: Stage) -> None:
    crowd, watched = Crowd(stage), Watched(stage)
    mailer = stage.mailer(stage.guarded(watched))
    crowd.ask_many(12)
    watched.fails = True
    stage.poll(mailer=lambda: mailer, policy=NOBODY_TOO_MANY)
    at_first = watched.tries
    assert FAILURES_IN_A_ROW <= at_first < FAILURES_IN_A_ROW + HALF
    assert all(members["mailFailures"] for members in stage.pending.members)
    assert {crowd.outcome(each) for each in crowd.request_ids} == {"canceled"}
    stage.time.advance(TRY_EVERY.total_seconds() - 1)
    stage.poll(mailer=lambda: mailer)
    assert watched.tries == at_first
    stage.time.advance(15 * MINUTES)  # every mail is due again, each after a delay of its own
    stage.poll(mailer=lambda: mailer)
    assert watched.tries == at_first + 1
    watched.fails = False
    for _ in range(20):
        stage.time.advance(5 * MINUTES)
        stage.poll(mailer=lambda: mailer)
    assert crowd.are_mailed_once()


def test_recipients_that_are_refused_for_now_hold_up_no_other_mail(stage: Stage) -> None:
    crowd = Crowd(stage)
    stage.mailbox.refuse(FULL, 451)
    waiting = crowd.ask_many(8, emails=FULL)
    [served] = crowd.ask_many(1)
    stage.poll(policy=NOBODY_TOO_MANY)
    assert crowd.are_mailed_once([served])
    assert {crowd.row(each).mail for each in waiting} == {Mail.NONE}


def test_notices_do_not_wait_for_a_server_that_hangs_either(stage: Stage) -> None:
    crowd, watched = Crowd(stage), Watched(stage)
    mailer = stage.mailer(stage.guarded(watched))
    for _ in range(9):
        crowd.ask(faults=[{"on": ["list"], "status": 503}])
    stage.submit_all()
    stage.time.advance(16 * MINUTES)
    watched.fails = True
    stage.sweep(mailer=lambda: mailer)
    assert watched.tries == FAILURES_IN_A_ROW
    assert {crowd.row(each).notice for each in crowd.request_ids} == {Mail.NONE}
    watched.fails = False
    for _ in range(4):
        stage.time.advance(MINUTES)
        stage.sweep(mailer=lambda: mailer)
    assert crowd.are_mailed_once()


def test_after_three_days_whoever_runs_it_is_told(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    crowd, duty = Crowd(stage), Duty(stage)
    given_up = crowd.ask_many(5)
    one_by_one = policy(poll_concurrency=1)  # so that none waits for another's try
    with stopped(stage):
        for _ in range(3 * 24 // 3 + 2):
            stage.poll(policy=one_by_one)
            stage.time.advance(3 * HOUR)
        duty.watch(PENDING_CANCELLATIONS)
    assert len(stage.pending_poison.kept) == len(given_up)
    assert stage.pending.kept == []
    assert {crowd.row(each).mail for each in given_up} == {Mail.FAILED}
    assert {crowd.outcome(each) for each in given_up} == {"canceled"}
    assert caplog.text.count('"poison-noticed"') == len(given_up)
    operators = stage.mailer(default_emails=(OPERATOR,))
    PoisonDigest(shelf=duty.shelf, mailer=lambda: operators, clock=stage.time).run()
    [digest] = stage.mailbox.mails()
    assert digest.recipients == (OPERATOR,)
    assert all(each in digest.text for each in given_up)
    assert digest.text.count("not sent within 3 days") == len(given_up)
