import os
import signal
import sys
from pathlib import Path

import pytest

from devstack.errors import PartFailedError
from devstack.processes import ChildProcess
from tests.devstack.host.sample_apps import eventually

pytestmark = pytest.mark.integration

SECONDS = 60.0
FOREVER = "import time; print('ready', os.getpid(), flush=True); time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {FOREVER}"
PARENT = f"""
import subprocess, sys
subprocess.Popen([sys.executable, "-c", {("import os; " + FOREVER)!r}])
import time; time.sleep(600)
"""


def python(code: str) -> ChildProcess:
    return ChildProcess("the part", [sys.executable, "-c", f"import os; {code}"])


def started(code: str) -> tuple[ChildProcess, int]:
    child = python(code)
    child.start()
    return child, int(child.wait_for_line(r"ready (\d+)", SECONDS)[1])


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        # Where nobody collects orphans, one that has ended stays as a zombie.
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2]
    except ProcessLookupError:
        return False
    except FileNotFoundError:
        return not Path("/proc/self").exists()
    return not state.startswith("Z")


def test_a_stopped_child_has_ended() -> None:
    child, pid = started(FOREVER)
    assert child.is_running
    child.stop()
    assert not child.is_running
    assert eventually(lambda: not is_alive(pid))


def test_a_child_that_will_not_stop_is_ended() -> None:
    child, pid = started(STUBBORN)
    child.stop(grace_seconds=0.1)
    # Its pipe, for which a stop waits, closes shortly before it is gone.
    assert eventually(lambda: not is_alive(pid))


def test_the_children_of_a_child_end_with_it() -> None:
    child, pid = started(PARENT)
    child.kill()
    assert eventually(lambda: not is_alive(pid))


def test_a_child_ends_when_its_starter_lets_go_of_it() -> None:
    child, pid = started(FOREVER)
    assert child._process
    assert child._process.stdin
    child._process.stdin.close()
    assert eventually(lambda: not is_alive(pid))
    child.stop()


def test_a_child_that_ends_while_it_starts_is_told_with_what_it_wrote() -> None:
    child = python("raise SystemExit('no such thing')")
    child.start()
    with pytest.raises(PartFailedError, match=r"(?s)the part ended while .*no such thing"):
        child.wait_for_line("ready", SECONDS)
    child.stop()


def test_a_child_that_is_never_ready_is_told_with_what_it_wrote() -> None:
    child, _ = started(FOREVER)
    with pytest.raises(PartFailedError, match=r"(?s)not ready in 0 s.*ready \d+"):
        child.wait_for_line("something else", 0)
    child.stop()


def test_a_child_that_ended_by_itself_is_told_with_its_code() -> None:
    child = python("os._exit(3)")
    child.start()
    eventually(lambda: child.exit_code == 3)
    with pytest.raises(PartFailedError, match="the part ended by itself, with 3"):
        child.check()
    child.stop()
    child.check()


def test_a_program_that_does_not_exist_is_told() -> None:
    child = ChildProcess("the part", ["/no/such/program"])
    child.start()
    with pytest.raises(PartFailedError, match="/no/such/program"):
        child.wait_for_line("ready", SECONDS)
    child.stop()


def test_signals_that_end_a_child_are_in_its_code() -> None:
    child, pid = started(FOREVER)
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: child.exit_code == 128 + signal.SIGKILL)
    child.stop()
