"""Wires what looks after the app: its checks, its figures, poison, and rows that are over."""

import os
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING

from shared import environment, wiring
from shared.ledger import TABLE
from shared.models import utc_now
from shared.parts import ledger, listing, mailer, partner_center, queue, table
from shared.queues import CANCEL_REQUESTS, PENDING_CANCELLATIONS, POISON_SUFFIX, QUEUES
from shared.settings import PartnerCenterSettings, WebhookSettings

if TYPE_CHECKING:  # a function that starts cold should load nothing that only others need
    from shared.checks import Check
    from shared.gauges import Gauges, Tally
    from shared.housekeeping import Housekeeping
    from shared.memory import TableMemory
    from shared.poison_watch import PoisonWatch
    from shared.retention import Retention
    from shared.sweep import Sweep


def checks(publisher_id: str = "", offer_id: str = "", mail_to: str = "") -> "tuple[Check, ...]":
    """What can be checked; a part whose settings are wrong fails in its own checks.

    Args:
        publisher_id: Whose offer to read; empty for the first that is served here.
        offer_id: Which offer to read; empty for one that hardly exists.
        mail_to: Who gets a test mail; empty for nobody.
    """
    from shared.checks import (
        mail_check,
        partner_center_checks,
        settings_checks,
        storage_checks,
        trial_mail_check,
        webhook_check,
    )

    read_from = publisher_id or min(environment.policy_or_default().allowed_publishers, default="")
    queues = (*QUEUES, *(name + POISON_SUFFIX for name in QUEUES))
    return (
        *settings_checks({"policy": environment.policy, "callers": environment.callers}),
        *partner_center_checks(_token, partner_center, read_from, offer_id),
        *storage_checks(
            {**{name: partial(_try_queue, name) for name in queues}, TABLE: _try_table}
        ),
        mail_check(_log_in_to_mail),
        *([webhook_check(_read_webhooks)] if os.environ.get("WEBHOOK_SECRETS") else []),
        *([trial_mail_check(partial(_send_test_mail, mail_to))] if mail_to else []),
    )


@cache
def check_memory() -> "TableMemory":
    """Where the app keeps what its checks found; ``ConfigurationError`` without storage."""
    from shared.memory import TableMemory

    return TableMemory(table())


def _token() -> str:
    from shared.partner_center.credentials import tokens_for

    return tokens_for(PartnerCenterSettings.from_env(os.environ)).current()


def _try_queue(name: str) -> None:
    queue(name).try_out()


def _try_table() -> None:
    from shared.memory import PARTITION

    ledger().get(PARTITION, "", "")  # reads, and makes a table that is missing
    check_memory().try_out()


def _log_in_to_mail() -> None:
    from shared.mail_senders import log_in

    log_in(environment.mail())


def _read_webhooks() -> object:
    return WebhookSettings.from_env(os.environ)


def _send_test_mail(recipient: str) -> None:
    from shared.check_mail import send_test_mail
    from shared.mail_senders import sender_for

    send_test_mail(environment.mail(), sender_for, recipient, utc_now())


@cache
def housekeeping() -> "Housekeeping":
    """What ``PollTimerTrigger`` calls after polling."""
    from shared.check_watch import LOOK_EVERY, CheckWatch
    from shared.gauges import Tally
    from shared.housekeeping import Housekeeping, SeldomTask
    from shared.poison_digest import PoisonDigest

    tally = Tally()
    check_watch = CheckWatch(checks=checks, memory=check_memory(), mailer=mailer, clock=utc_now)
    digest = PoisonDigest(shelf=wiring.poison_shelf(), mailer=mailer, clock=utc_now)
    # Made when they are needed: without the policy they cannot be, and the checks say so.
    sweep, gauges = cache(partial(_sweep, tally)), cache(partial(_gauges, tally))
    retention = cache(_retention)
    tasks: tuple[Callable[[], None], ...] = (
        # First, since it does not fail when storage does: it says what is wrong with it.
        SeldomTask(check_watch.run_if_due, every=LOOK_EVERY, clock=utc_now),
        lambda: sweep().run(),
        lambda: gauges().run(),
        *(_poison_watch(name).run for name in QUEUES),
        digest.run,
        lambda: retention().run_if_due(),
    )
    return Housekeeping(tasks, utc_now)


def _sweep(tally: "Tally") -> "Sweep":
    from shared.sweep import Sweep

    return Sweep(
        ledger=ledger(),
        pending=queue(PENDING_CANCELLATIONS),
        mailer=mailer,
        policy=environment.policy(),
        clock=utc_now,
        tally=tally,
    )


def _retention() -> "Retention":
    from shared.retention import Retention

    return Retention(
        listing=listing(), ledger=ledger(), keep=environment.policy().retention, clock=utc_now
    )


def _gauges(tally: "Tally") -> "Gauges":
    from shared.gauges import Gauges

    environment.policy()  # its event says that the poller ran, which it cannot without one
    return Gauges(
        requests=queue(CANCEL_REQUESTS),
        pending=queue(PENDING_CANCELLATIONS),
        poison=[queue(name + POISON_SUFFIX) for name in QUEUES],
        tally=tally,
        clock=utc_now,
    )


def _poison_watch(name: str) -> "PoisonWatch":
    from shared.poison_watch import PoisonWatch

    return PoisonWatch(
        queue_name=name,
        poison=queue(name + POISON_SUFFIX),
        pending=queue(PENDING_CANCELLATIONS),
        ledger=ledger(),
        clock=utc_now,
    )
