"""The real parts that integration tests share; each test has queues, table and offer of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.azurite import Azurite
from devstack.mailbox import Mailbox
from devstack.partner_center import Simulator
from devstack.partner_center.visitor import HandClock
from tests.integration.hand_time import HandTime
from tests.integration.stage import Stage, staged


@pytest.fixture(scope="module")
def seconds() -> HandClock:
    """The clock that all parts of a module's tests share; it only ever moves on."""
    return HandClock()


@pytest.fixture(scope="module")
def time(seconds: HandClock) -> HandTime:
    return HandTime(seconds)


@pytest.fixture(scope="module")
def simulator(seconds: HandClock) -> Iterator[Simulator]:
    with Simulator(clock=seconds) as simulator:
        yield simulator


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[Mailbox]:
    with Mailbox(tmp_path / "mails") as box:
        yield box


@pytest.fixture
def stage(
    azurite: Azurite, simulator: Simulator, time: HandTime, mailbox: Mailbox
) -> Iterator[Stage]:
    with staged(azurite.connection_string, simulator, time, mailbox) as stage:
        yield stage
