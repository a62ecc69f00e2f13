"""Hosts for the tests of the host, ended with the test."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from devstack.azurite import Azurite
from tests.devstack.host.jobs import Jobs
from tests.devstack.host.sample_apps import HostProcess, write_app


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """An app without functions yet."""
    return write_app(tmp_path / "app")


@pytest.fixture
def start_host(tmp_path: Path) -> Iterator[Callable[..., HostProcess]]:
    """Start hosts, wait until each is ready unless told not to, and end them with the test."""
    hosts: list[HostProcess] = []
    numbers = count()

    def start(
        app: Path, *, ready: bool = True, port: int = 0, options: tuple[str, ...] = (), **env: str
    ) -> HostProcess:
        log = tmp_path / f"host-{next(numbers)}"
        host = HostProcess(app, log, port=port, options=options, **env)
        hosts.append(host)
        if ready:
            host.wait_for_events("host-ready")
        return host

    yield start
    for host in hosts:
        host.kill()


@pytest.fixture
def jobs(azurite: Azurite, tmp_path: Path) -> Iterator[Jobs]:
    """A queue of the test's own."""
    jobs = Jobs(azurite, tmp_path)
    with jobs.queue, jobs.poison:
        jobs.queue.create_queue()
        yield jobs
