import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from azure.core.exceptions import ServiceRequestError
from azure.data.tables import TableServiceClient
from azure.storage.queue import QueueServiceClient

from devstack.azurite import Azurite
from devstack.errors import PortInUseError

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


def eventually(condition: Callable[[], bool], within: float = 30.0) -> bool:
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def queue_names(storage: Azurite) -> list[str]:
    with QueueServiceClient.from_connection_string(storage.connection_string) as client:
        return [queue.name for queue in client.list_queues()]


def test_queues_and_tables_answer_at_the_connection_string(azurite: Azurite) -> None:
    with TableServiceClient.from_connection_string(azurite.connection_string) as tables:
        list(tables.list_tables())
    assert isinstance(queue_names(azurite), list)


def test_data_and_ports_outlive_a_restart_when_it_has_a_folder(tmp_path: Path) -> None:
    storage = Azurite(tmp_path / "storage")
    with storage:
        ports = dict(storage.ports)
        with QueueServiceClient.from_connection_string(storage.connection_string) as client:
            client.create_queue("kept")
    with storage:
        assert storage.ports == ports
        assert queue_names(storage) == ["kept"]


def test_nothing_listens_and_nothing_can_be_reached_after_the_stop() -> None:
    with Azurite() as storage:
        ports = list(storage.ports.values())
    assert not any(is_listening(port) for port in ports)
    client = QueueServiceClient.from_connection_string(storage.connection_string, retry_total=0)
    with client, pytest.raises(ServiceRequestError):
        list(client.list_queues())


def test_stopping_twice_is_no_error() -> None:
    storage = Azurite()
    storage.start()
    storage.stop()
    storage.stop()


def test_a_port_in_use_is_said_by_name_and_number() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortInUseError, match=rf"Azurite \(Table service\).*port {port} "):
            Azurite(table_port=port).start()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_it_ends_with_the_process_that_started_it(number: signal.Signals) -> None:
    code = (
        "import time; from devstack.azurite import Azurite; a = Azurite(); a.start(); "
        "print(*a.ports.values(), flush=True); time.sleep(600)"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    with starter:
        assert starter.stdout
        ports = [int(port) for port in starter.stdout.readline().split()]
        starter.send_signal(number)
    assert len(ports) == 3
    assert eventually(lambda: not any(is_listening(port) for port in ports))
