"""The real parts that integration tests share; each test has queues, table and offer of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.azurite import Azurite
from devstack.mailbox import Mailbox
from devstack.partner_center import Simulator
from devstack.partner_center.visitor import HandClock
from tests.integration.hand_time import HandTime
from tests.integration.stage import Stage


@pytest.fixture(scope="module")
def hand_clock() -> HandClock:
    """The clock that all parts of a module's tests share; it only ever moves on."""
    return HandClock()


@pytest.fixture(scope="module")
def hand_time(hand_clock: HandClock) -> HandTime:
    return HandTime(hand_clock)


@pytest.fixture(scope="module")
def simulator(hand_clock: HandClock) -> Iterator[Simulator]:
    with Simulator(clock=hand_clock) as simulator:
        yield simulator


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[Mailbox]:
    with Mailbox(tmp_path / "mails") as box:
        yield box


@pytest.fixture
def stage(
    azurite: Azurite, simulator: Simulator, hand_time: HandTime, mailbox: Mailbox
) -> Iterator[Stage]:
    stage = Stage(azurite.connection_string, simulator, hand_time, mailbox)
    yield stage
    stage.close()
