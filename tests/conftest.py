"""What every test shares: no sockets for unit tests, one storage for the integration tests.

And whatever the app logs in a test holds no address, token or secret.
"""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, settings

from devstack.azurite import Azurite
from tests.groups import KeepTogether
from tests.log_guard import LogGuard

LOOPBACK = ["127.0.0.1", "::1", "localhost"]

# However fast the machine is. Each run tries the same examples, so that a change is judged by what
# it changes; `--hypothesis-profile=new-examples` tries others.
ANY_SPEED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("new-examples", ANY_SPEED)
settings.register_profile("same-examples", ANY_SPEED, derandomize=True)
settings.load_profile("same-examples")


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> KeepTogether:
    """Let tests that share what is costly run in one process."""
    return KeepTogether(config, log)


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Let integration tests reach this machine only, and all others no socket at all."""
    for item in items:
        is_integration = item.get_closest_marker("integration")
        item.add_marker(
            pytest.mark.allow_hosts(LOOPBACK) if is_integration else pytest.mark.disable_socket
        )


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """One storage emulator for the whole session; tests keep apart by names of their own."""
    with Azurite() as storage:
        yield storage


@pytest.fixture(scope="session")
def session_log_guard() -> Iterator[LogGuard]:
    """Reads along with whatever the app logs in this process."""
    guard = LogGuard()
    guard.begin()
    yield guard
    guard.end()
    guard.check()


@pytest.fixture(autouse=True)
def log_guard(session_log_guard: LogGuard) -> Iterator[LogGuard]:
    """Fails a test in which an address, a token or a secret was logged."""
    yield session_log_guard
    session_log_guard.check()
