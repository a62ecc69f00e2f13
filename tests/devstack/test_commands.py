"""The commands behind make, as processes, on free ports and in a folder of their own."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.devstack.host.sample_apps import DEADLINE_SECONDS, eventually

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


class Command:
    """A command that runs, with its output so far."""

    def __init__(self, module: str, folder: Path, *options: str) -> None:
        self._log = folder / "command.log"
        with self._log.open("w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, "--folder", folder / "state", *options],
                cwd=ROOT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "80"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def wait_for_text(self, pattern: str) -> re.Match[str]:
        def found() -> re.Match[str] | None:
            match = re.search(pattern, self.output)
            assert match or self.process.poll() is None, self.output
            return match

        match = eventually(found)
        assert match
        return match

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_SECONDS)


@contextmanager
def running(module: str, folder: Path, *options: str) -> Iterator[Command]:
    command = Command(module, folder, *options)
    try:
        yield command
    finally:
        command.process.kill()
        command.process.wait()


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ports_in(text: str) -> set[int]:
    addresses = {int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", text)}
    return addresses | {int(port) for port in re.findall(r"(?:Blob|Queue|Table) (\d+)", text)}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_serve_shows_where_everything_is_and_ends_clean(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    with running("devstack.serve", tmp_path, "--free-ports") as serve:
        serve.wait_for_text("Ctrl-C stops everything")
        ports = ports_in(serve.output)
        assert len(ports) == 6
        assert all(is_listening(port) for port in ports)
        page = serve.wait_for_text(r"For people +(http://\S+)")[1]
        shown = requests.get(page, headers={"Accept": "text/html"}, timeout=DEADLINE_SECONDS)
        assert "<h1>Cancellations</h1>" in shown.text
        assert serve.end(number) == code
    assert "Traceback" not in serve.output
    assert not any(is_listening(port) for port in ports)


def test_the_curl_that_serve_shows_is_accepted_and_its_steps_are_shown(tmp_path: Path) -> None:
    with running("devstack.serve", tmp_path, "--free-ports") as serve:
        url = serve.wait_for_text(r"curl -i '(http://\S+)'")[1]
        serve.wait_for_text("Ctrl-C stops everything")
        answer = requests.post(url, json={}, timeout=DEADLINE_SECONDS)
        assert answer.status_code == 202
        serve.wait_for_text(f"{answer.json()['id'][:8]}  cancel accepted")


def test_serve_can_leave_the_functions_host_to_core_tools(tmp_path: Path) -> None:
    with running("devstack.serve", tmp_path, "--free-ports", "--without-host") as serve:
        serve.wait_for_text("Ctrl-C stops everything")
        assert "once you have started a functions host" in serve.output
        settings = (tmp_path / "state/settings.json").read_text(encoding="utf-8")
        assert "CancelStorage" in settings


def test_a_second_serve_in_the_folder_is_told_so(tmp_path: Path) -> None:
    with running("devstack.serve", tmp_path, "--free-ports") as first:
        first.wait_for_text("Ctrl-C stops everything")
        second = subprocess.run(
            [sys.executable, "-m", "devstack.serve", "--folder", tmp_path / "state"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert second.returncode == 1
    assert second.stderr.startswith("Another stack uses the folder")
    assert "Traceback" not in second.stderr


def test_a_port_in_use_ends_serve_with_its_part_and_number(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        options = ("--free-ports", "--smtp-port", str(port))
        with running("devstack.serve", tmp_path, *options) as serve:
            assert serve.process.wait(DEADLINE_SECONDS) == 1
    assert f"the mailbox cannot listen: port {port} is in use" in serve.output
    assert "Traceback" not in serve.output


def test_an_interrupt_during_the_start_ends_clean(tmp_path: Path) -> None:
    with running("devstack.run", tmp_path) as run:
        run.wait_for_text("Starting storage")
        assert run.end(signal.SIGINT) == 130
    assert run.output.rstrip().endswith("Stopped.")
    assert "Traceback" not in run.output


def test_a_run_whose_requests_do_not_end_in_time_fails_and_says_so(tmp_path: Path) -> None:
    with running("devstack.run", tmp_path, "--timeout", "0") as run:
        assert run.process.wait(DEADLINE_SECONDS) == 1
    assert re.search(r"FAILED: \d of 9 requests did not end in 0 s", run.output)
    assert not any(is_listening(port) for port in ports_in(run.output))
