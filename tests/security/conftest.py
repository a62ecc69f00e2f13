"""The stage of the integration tests, and a stack that only takes requests."""

from collections.abc import Iterator

import pytest

from devstack.stack import Stack
from tests.e2e.asking import ask
from tests.e2e.clean_logs import assert_clean, assert_nothing_crashed
from tests.integration.conftest import hand_clock, hand_time, mailbox, simulator, stage
from tests.payloads.deliveries import SECRETS

__all__ = ["asleep", "hand_clock", "hand_time", "mailbox", "simulator", "stage"]


@pytest.fixture(scope="module")
def asleep(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Takes requests and leaves them where they are, so that they can be counted."""
    settings = {
        "AzureWebJobs.CancelQueueTrigger.Disabled": "true",
        "AzureWebJobs.PollTimerTrigger.Disabled": "true",
        "NOTIFICATION_ALLOWED_DOMAINS": "*",
        "WEBHOOK_SECRETS": SECRETS,
    }
    with Stack(tmp_path_factory.mktemp("asleep"), settings=settings) as running:
        yield running
        ask(running, "after-all")  # nothing has kept it from working
    assert_clean(running)
    assert_nothing_crashed(running)
