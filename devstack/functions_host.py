"""The functions host as a process of its own, which can be stopped, killed and started again.

Its port is kept from one start to the next, so that clients find it where it was. Everything that
it writes goes to a file too.
"""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from devstack.errors import StackError
from devstack.events import Event, parse_event
from devstack.processes import ChildProcess

START_SECONDS = 60.0
# The rest of the environment may hold settings of another deployment, or a proxy.
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")
_READY = r'"event": ?"host-ready".*"url": ?"http://127\.0\.0\.1:(\d+)"'


class FunctionsHost:
    """Runs a function app.

    Args:
        app: The app's folder.
        settings: The app settings; they are the whole environment but for a few basics.
        log: The file that its output is added to.
        port: 0 for a free one; ``url`` tells which after the start.
        lease_seconds: The lease of a queue message while its function runs; the host's own
            default where None.
        program: The module that is run, with the command line of ``devstack.host``.
        on_event: Called with each event of app and host, in a thread of the host's own.
    """

    def __init__(
        self,
        app: Path,
        settings: Mapping[str, str],
        *,
        log: Path,
        port: int = 0,
        lease_seconds: int | None = None,
        program: str = "devstack.host",
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        """Remember how to start it; ``start`` starts it."""
        self.settings = dict(settings)
        self.log = log
        self.port = port
        self._app = app
        self._lease_seconds = lease_seconds
        self._program = program
        self._on_event = on_event
        self._child: ChildProcess | None = None

    @property
    def url(self) -> str:
        """Where its HTTP functions are; complete once it has been started."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._child is not None and self._child.is_running

    @property
    def exit_code(self) -> int | None:
        """What it ended with by itself; None while it runs, or after it was stopped."""
        return self._child.exit_code if self._child else None

    def start(self) -> None:
        """Start it and wait until every function is loaded and every listener listens.

        Raises:
            StackError: It runs already, or did not start; with its own output.
        """
        if self.is_running:
            raise StackError("the functions host runs already")
        passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        child = ChildProcess(
            "the functions host",
            self._command(),
            environ={**passed_on, "PYTHONUNBUFFERED": "1", **self.settings},
            on_line=self._take,
        )
        try:
            child.start()
            self.port = int(child.wait_for_line(_READY, START_SECONDS)[1])
        except BaseException:
            child.stop()
            raise
        self._child = child

    def stop(self) -> None:
        """Stop it as Ctrl-C would: nothing new is taken, what runs may end."""
        if self._child:
            self._child.stop(grace_seconds=15.0)
            self._child = None

    def kill(self) -> None:
        """End it at once, in the middle of whatever it does."""
        if self._child:
            self._child.kill()
            self._child = None

    def restart(self, **changes: str) -> None:
        """Stop it and start it, with some settings changed; an empty one is taken away."""
        self.stop()
        self.settings = {
            name: value for name, value in {**self.settings, **changes}.items() if value
        }
        self.start()

    def check(self) -> None:
        """Tell whether it still runs.

        Raises:
            PartFailedError: It has ended by itself; with its own output.
        """
        if self._child:
            self._child.check()

    def _command(self) -> list[str]:
        command = [sys.executable, "-m", self._program, "--app", str(self._app.resolve())]
        command += ["--port", str(self.port)]
        if self._lease_seconds:
            command += ["--lease-seconds", str(self._lease_seconds)]
        return command

    def _take(self, line: str) -> None:
        with self.log.open("a", encoding="utf-8") as log:
            log.write(line + "\n")
        event = parse_event(line)
        if event and self._on_event:
            self._on_event(event)
