"""Runs a command that must not outlive whoever started it.

``python -m devstack.leash COMMAND…`` starts the command and watches its own standard input, which
the starter keeps open and never writes to. When the starter dies, even by SIGKILL, the pipe closes
and the command is ended with every process of its group. Standard library only.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading

GRACE_SECONDS = 10.0


def main(command: list[str]) -> int:
    """Run the command to its end, or until standard input closes; return its exit code."""
    # Signals to the group reach the command by themselves; the leash stays to see it end. One
    # that comes before there is a command would be lost, so it is kept.
    early: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _: early.append(received))
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    if early:
        child.terminate()
    ended = threading.Event()
    watcher = threading.Thread(target=_end_with_starter, args=(child, ended), daemon=True)
    watcher.start()
    code = child.wait()
    ended.set()
    return code if code >= 0 else 128 - code


def _end_with_starter(child: subprocess.Popen[bytes], ended: threading.Event) -> None:
    select.select([sys.stdin], [], [])
    with contextlib.suppress(ProcessLookupError):
        child.terminate()
    if not ended.wait(GRACE_SECONDS):
        os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
