"""Function apps for the tests of the host, and hosts that run them as processes."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

ROOT = Path(__file__).parents[3]
COMMAND = (sys.executable, "-m", "devstack.host")
# Only ends a test that has failed: this machine may be busy with other things.
DEADLINE_SECONDS = 240.0
POLL_SECONDS = 0.05

HTTP_ANSWER = {"type": "http", "direction": "out", "name": "$return"}
STORAGE_SETTING = "JobStorage"

PREAMBLE = """
import json, logging, pathlib, time
import azure.functions as func

def event(**fields):
    logging.info(json.dumps(fields))

def wait_for(path):
    while not pathlib.Path(path).exists():
        time.sleep(0.02)

"""


def http_trigger(route: str | None = None, methods: Sequence[str] = ("get",)) -> dict[str, Any]:
    return {"type": "httpTrigger", "name": "req", "route": route, "methods": list(methods)}


def queue_trigger(queue_name: str) -> dict[str, Any]:
    return {
        "type": "queueTrigger",
        "name": "msg",
        "queueName": queue_name,
        "connection": STORAGE_SETTING,
    }


def timer_trigger(schedule: str) -> dict[str, Any]:
    return {"type": "timerTrigger", "name": "timer", "schedule": schedule}


def eventually[T](probe: Callable[[], T], seconds: float = DEADLINE_SECONDS) -> T:
    """Return the probe's first truthy value; fail when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (value := probe()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(POLL_SECONDS)
    return value


def write_app(
    folder: Path, *, queues: Mapping[str, object] | None = None, **members: object
) -> Path:
    """Begin an app: its host.json."""
    folder.mkdir(exist_ok=True)
    extensions = {"queues": queues or {}}
    host = {"version": "2.0", "extensions": extensions, **members}
    (folder / "host.json").write_text(json.dumps(host))
    return folder


def write_function(
    app: Path, name: str, *bindings: Mapping[str, object], code: str = "", **members: object
) -> None:
    """Add a function to an app."""
    folder = app / name
    folder.mkdir()
    (folder / "function.json").write_text(json.dumps({"bindings": bindings, **members}))
    (folder / "__init__.py").write_text(PREAMBLE + dedent(code))


class HostProcess:
    """A host in a process of its own, with its output in files."""

    def __init__(
        self, app: Path, log: Path, *, port: int = 0, options: Sequence[str] = (), **settings: str
    ) -> None:
        self._stdout, self._stderr = log.with_suffix(".out"), log.with_suffix(".err")
        with self._stdout.open("w") as stdout, self._stderr.open("w") as stderr:
            self.process = subprocess.Popen(
                [*COMMAND, "--app", app, "--port", str(port), *options],
                cwd=ROOT,
                env=os.environ | settings,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
            )

    @property
    def output(self) -> str:
        return self._stdout.read_text()

    @property
    def errors(self) -> str:
        return self._stderr.read_text()

    @property
    def url(self) -> str:
        return str(self.events("host-ready")[0]["url"])

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = self.output.splitlines(keepends=True)
        whole = (line for line in lines if line.startswith("{") and line.endswith("\n"))
        return [event for event in map(json.loads, whole) if event.get("event") == name]

    def wait_for_events(self, name: str, count: int = 1) -> list[dict[str, Any]]:
        def found() -> list[dict[str, Any]] | None:
            has_ended = self.process.poll() is not None  # before what it wrote last is read
            events = self.events(name)
            if len(events) < count and has_ended:
                raise AssertionError(f"the host has ended:\n{self.output}\n{self.errors}")
            return events if len(events) >= count else None

        return eventually(found) or []

    def wait_for_text(self, pattern: str) -> None:
        eventually(lambda: re.search(pattern, self.output))

    def wait_for_end(self) -> int:
        return self.process.wait(DEADLINE_SECONDS)

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
