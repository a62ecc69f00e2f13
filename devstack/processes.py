"""Child processes of the stack: started in a group of their own, never left behind.

A child ends with its parent, whatever ends the parent: see ``leash``.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from devstack.errors import PartFailedError

KEPT_LINES = 500
SHOWN_LINES = 40
ROOT = Path(__file__).parent.parent


class ChildProcess:
    """One part of the stack that runs in a process of its own.

    Args:
        name: What people call the part; errors start with it.
        command: The program and its arguments.
        environ: The whole environment; the parent's where None.
        on_line: Called with each line of its output, in a thread of the child's own.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environ: Mapping[str, str] | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        """Remember what to run; ``start`` runs it."""
        self.name = name
        self._command = list(command)
        self._environ = environ
        self._on_line = on_line
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._news = threading.Condition()
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._output_ended = False

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """What it ended with by itself; None while it runs, or after it was stopped."""
        return self._process.poll() if self._process else None

    @property
    def output(self) -> str:
        """The last lines that it wrote."""
        with self._news:
            return "\n".join(self._lines)

    def start(self) -> None:
        """Start the process; ``wait_for_line`` tells when it is ready.

        Raises:
            PartFailedError: It could not even be started.
        """
        self._lines.clear()
        self._output_ended = False
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "devstack.leash", *self._command],
                cwd=ROOT,
                env=None if self._environ is None else dict(self._environ),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            raise PartFailedError(f"{self.name} could not be started: {error}") from error
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()

    def wait_for_line(self, pattern: str, timeout: float) -> re.Match[str]:
        """Wait until it has written a line in which the pattern is found.

        Raises:
            PartFailedError: It ended before, or the time is over; with its own output.
        """
        deadline = time.monotonic() + timeout
        with self._news:
            while not (found := self._find(pattern)):
                if self._output_ended:
                    raise PartFailedError(self._with_output("ended while it was starting"))
                if not self._news.wait(deadline - time.monotonic()):
                    raise PartFailedError(self._with_output(f"was not ready in {timeout:g} s"))
            return found

    def check(self) -> None:
        """Tell whether it still runs.

        Raises:
            PartFailedError: It has ended by itself; with its own output.
        """
        process = self._process
        if process and process.poll() is not None:
            raise PartFailedError(self._with_output(f"ended by itself, with {process.returncode}"))

    def stop(self, grace_seconds: float = 10.0) -> None:
        """Ask it to end, and make it end when it does not; no error if it has ended."""
        self._end(signal.SIGTERM, grace_seconds)

    def kill(self) -> None:
        """End it at once, as a crash of the machine would."""
        self._end(signal.SIGKILL, 10.0)

    def _end(self, first_signal: signal.Signals, grace_seconds: float) -> None:
        process = self._process
        if process is None:
            return
        self._signal_group(process, first_signal)
        try:
            process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            pass
        finally:
            # Whatever is left of the group goes, be it a child of its own.
            self._signal_group(process, signal.SIGKILL)
            process.wait()
            self._close(process)

    def _close(self, process: subprocess.Popen[str]) -> None:
        if self._reader:
            self._reader.join()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()
        self._process = self._reader = None

    @staticmethod
    def _signal_group(process: subprocess.Popen[str], number: signal.Signals) -> None:
        # The group's id is the leash's; a group that has gone needs no signal.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)

    def _read(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            self._take(line.rstrip("\n"))
        with self._news:
            self._output_ended = True
            self._news.notify_all()

    def _take(self, line: str) -> None:
        with self._news:
            self._lines.append(line)
            self._news.notify_all()
        if self._on_line:
            self._on_line(line)

    def _find(self, pattern: str) -> re.Match[str] | None:
        matches = (re.search(pattern, line) for line in self._lines)
        return next((match for match in matches if match), None)

    def _with_output(self, what: str) -> str:
        tail = list(self._lines)[-SHOWN_LINES:]
        said = "\n".join(f"    {line}" for line in tail) or "    (nothing)"
        return f"{self.name} {what}. It wrote:\n{said}"
