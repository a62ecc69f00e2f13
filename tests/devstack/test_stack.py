import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from azure.storage.queue import QueueClient, QueueServiceClient

from devstack.errors import PartFailedError, PortInUseError, StackError
from devstack.stack import Ports, Stack
from tests.devstack.host.sample_apps import (
    HTTP_ANSWER,
    eventually,
    http_trigger,
    write_app,
    write_function,
)

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
SECONDS = 30.0


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """An app that answers with a setting, and writes an event at each call."""
    folder = write_app(tmp_path / "app")
    code = """
        import os

        def main(req):
            event(event="asked", requestId="1234", name=req.params["name"])
            return os.environ.get(req.params["name"], "")
    """
    write_function(folder, "Setting", http_trigger("setting"), HTTP_ANSWER, code=code)
    return folder


@pytest.fixture
def stack(app: Path, tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path / "state", app=app, settings={"EXTRA": "first"}) as running:
        yield running


def setting(stack: Stack, name: str) -> str:
    answer = requests.get(f"{stack.url}/api/setting", params={"name": name}, timeout=SECONDS)
    answer.raise_for_status()
    return answer.text


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ports_of(stack: Stack) -> list[int]:
    storage = stack.storage.ports.values()
    return [stack.host.port, stack.partner_center.port, stack.mailbox.port, *storage]


def test_the_app_is_told_where_every_other_part_is(stack: Stack) -> None:
    assert setting(stack, "CancelStorage") == stack.storage.connection_string
    assert setting(stack, "PARTNER_CENTER_URL") == stack.partner_center.url
    assert setting(stack, "NOTIFICATION_SMTP_URL") == stack.mailbox.url
    assert setting(stack, "EXTRA") == "first"


def test_what_the_app_writes_is_an_event_and_is_in_the_log(stack: Stack) -> None:
    setting(stack, "EXTRA")
    event = stack.events.wait_for(lambda each: each.name == "asked", SECONDS)
    assert event.request_id == "1234"
    assert event.details == {"name": "EXTRA"}
    assert '"asked"' in (stack.folder / "host.log").read_text(encoding="utf-8")


def test_the_host_restarts_where_it_was_with_changed_settings(stack: Stack) -> None:
    url = stack.url
    stack.host.restart(EXTRA="second", PARTNER_CENTER_STATIC_TOKEN="")
    assert stack.url == url
    assert setting(stack, "EXTRA") == "second"
    assert setting(stack, "PARTNER_CENTER_STATIC_TOKEN") == ""


def test_a_killed_host_starts_again_where_it_was(stack: Stack) -> None:
    url = stack.url
    stack.host.kill()
    assert not stack.host.is_running
    with pytest.raises(requests.ConnectionError):
        setting(stack, "EXTRA")
    stack.host.start()
    assert stack.url == url
    assert setting(stack, "EXTRA") == "first"


def test_a_host_that_runs_is_not_started_twice(stack: Stack) -> None:
    with pytest.raises(StackError, match="runs already"):
        stack.host.start()


def test_a_host_that_ended_by_itself_is_told_of(stack: Stack, app: Path) -> None:
    stack.host.check()
    stack.host.stop()
    (app / "host.json").write_text("{}", encoding="utf-8")
    with pytest.raises(PartFailedError, match=r"(?s)the functions host.*host\.json"):
        stack.host.start()


def test_another_service_can_send_before_the_app_has_run(stack: Stack) -> None:
    connection = stack.storage.connection_string
    with QueueClient.from_connection_string(connection, "cancel-requests") as queue:
        assert queue.send_message("{}").id


def test_storage_comes_back_where_it_was_with_what_it_held(tmp_path: Path, app: Path) -> None:
    with Stack(tmp_path / "state", app=app, keeps_storage=True) as stack:
        with QueueServiceClient.from_connection_string(stack.storage.connection_string) as client:
            client.create_queue("kept")
        stack.storage.stop()
        stack.storage.start()
        with QueueServiceClient.from_connection_string(stack.storage.connection_string) as client:
            assert "kept" in [queue.name for queue in client.list_queues()]


def test_one_folder_holds_one_stack(stack: Stack, app: Path) -> None:
    with pytest.raises(StackError, match="Another stack uses the folder"):
        Stack(stack.folder, app=app).start()
    assert setting(stack, "EXTRA") == "first"


def test_nothing_listens_after_the_stop(tmp_path: Path, app: Path) -> None:
    with Stack(tmp_path / "state", app=app) as stack:
        ports = ports_of(stack)
        assert all(is_listening(port) for port in ports)
    assert not any(is_listening(port) for port in ports)


@pytest.mark.parametrize("part", ["http", "partner_center", "smtp", "queue"])
def test_a_port_in_use_is_said_and_the_other_parts_are_ended(
    tmp_path: Path, app: Path, part: str
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        stack = Stack(tmp_path / "state", app=app, ports=Ports(**{part: port}))
        with pytest.raises((PortInUseError, PartFailedError), match=rf"port {port} is in use"):
            stack.start()
    assert not any(is_listening(port) for port in stack.storage.ports.values() if port)


def test_an_app_that_cannot_be_loaded_ends_the_start_with_the_runtimes_message(
    tmp_path: Path, app: Path
) -> None:
    (app / "Setting/__init__.py").write_text("import no_such_module", encoding="utf-8")
    with pytest.raises(PartFailedError, match="No module named 'no_such_module'"):
        Stack(tmp_path / "state", app=app).start()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_the_process_that_started_the_stack(
    tmp_path: Path, app: Path, number: signal.Signals
) -> None:
    code = f"""
import json, time
from pathlib import Path
from devstack.stack import Stack
stack = Stack(Path({str(tmp_path / "state")!r}), app=Path({str(app)!r}))
stack.start()
print(json.dumps([stack.host.port, *stack.storage.ports.values()]), flush=True)
time.sleep(600)
"""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environ, cwd=ROOT
    ) as starter:
        assert starter.stdout
        ports = json.loads(starter.stdout.readline())
        starter.send_signal(number)
    eventually(lambda: not any(is_listening(port) for port in ports))
