"""What every test shares: no sockets for unit tests, one storage for the integration tests."""

from collections.abc import Iterator, Sequence

import pytest

from devstack.azurite import Azurite

LOOPBACK = ["127.0.0.1", "::1", "localhost"]


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
