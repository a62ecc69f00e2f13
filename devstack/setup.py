"""Installs what the project needs into its own folder: once, and again when a lock file changes.

Standard library only, as it runs before anything is installed. Two set-ups in one folder wait for
each other; one that was interrupted is done again. When nothing is to be done, nothing is touched
and no network is needed.
"""

import contextlib
import fcntl
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parent.parent
HEARTBEAT_SECONDS = 5.0
STAMP_NAME = ".set-up-from"
CHECKOV = Path(".devstack/checkov")
PIP_QUIET = ("--disable-pip-version-check", "--no-input")
NPM_QUIET = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier")


class SetupError(Exception):
    """A step failed; the message holds what it wrote."""


@dataclass(frozen=True)
class Step:
    """One thing to install.

    Attributes:
        title: What people see while it runs.
        folder: Where it is installed; a stamp in it says from what.
        program: A file that must be there for it to be of use.
        locks: The lock files that it is installed from.
        commands: What installs it, each of them from scratch.
    """

    title: str
    folder: Path
    program: Path
    locks: tuple[Path, ...]
    commands: tuple[tuple[str, ...], ...]

    @property
    def fingerprint(self) -> str:
        """Changes with the lock files and with the place, which installed scripts hold."""
        parts = [str(self.folder), *(path.read_text(encoding="utf-8") for path in self.locks)]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    @property
    def is_done(self) -> bool:
        """Whether it was carried out to its end, from these very lock files."""
        stamp = self.folder / STAMP_NAME
        with contextlib.suppress(OSError):
            # The program is looked for too: a venv breaks when its Python is taken away.
            return stamp.read_text(encoding="utf-8") == self.fingerprint and self.program.exists()
        return False

    def mark_begun(self) -> None:
        """Take the stamp away, so that an interrupted installation is not taken for a whole."""
        (self.folder / STAMP_NAME).unlink(missing_ok=True)

    def mark_done(self) -> None:
        """Leave the stamp."""
        (self.folder / STAMP_NAME).write_text(self.fingerprint, encoding="utf-8")


def steps(root: Path) -> list[Step]:
    """What a checkout needs, in order: the others use the first."""
    return [_python_packages(root), _azurite(root), _checkov(root)]


def _python_packages(root: Path) -> Step:
    venv, requirements = root / ".venv", root / "requirements-dev.txt"
    python = str(venv / "bin/python")
    return Step(
        title="Python packages",
        folder=venv,
        program=venv / "bin/python",
        locks=(requirements,),
        commands=(
            (sys.executable, "-m", "venv", "--clear", str(venv)),
            # Everything is pinned, so there is nothing for pip to resolve.
            (python, "-m", "pip", "install", *PIP_QUIET, "--no-deps", "-r", str(requirements)),
            (python, "-m", "pip", "check", *PIP_QUIET),
        ),
    )


def _azurite(root: Path) -> Step:
    folder, python = root / "devstack/azurite", str(root / ".venv/bin/python")
    return Step(
        title="Azurite, the storage emulator",
        folder=folder / "node_modules",
        program=folder / "node_modules/azurite",
        locks=(folder / "package.json", folder / "package-lock.json"),
        commands=(
            (python, "-m", "devstack.node", "npm", "ci", "--prefix", str(folder), *NPM_QUIET),
        ),
    )


def _checkov(root: Path) -> Step:
    # In a place of its own: it pins packages that the others need newer.
    venv, requirements = root / CHECKOV, root / "requirements-checkov.txt"
    python = str(venv / "bin/python")
    install = ("-m", "pip", "install", *PIP_QUIET, "--no-compile", "--no-deps", "-r")
    return Step(
        title="Checkov, which knows Azure's policies",
        folder=venv,
        program=venv / "bin/checkov",
        locks=(requirements,),
        commands=(
            (sys.executable, "-m", "venv", "--clear", str(venv)),
            (python, *install, str(requirements)),
            (python, "-m", "pip", "check", *PIP_QUIET),
        ),
    )


def set_up(root: Path, todo: Sequence[Step]) -> None:
    """Carry out what has not been done yet, alone in this folder.

    Raises:
        SetupError: A step failed.
    """
    if all(step.is_done for step in todo):
        return
    with _alone_in(root):
        # Asked again: another set-up may have done it while this one waited.
        for step in todo:
            if not step.is_done:
                _carry_out(step)


def _carry_out(step: Step) -> None:
    _say(f"Installing {step.title} (once) ...")
    began = time.monotonic()
    step.mark_begun()
    for command in step.commands:
        _run(command, began)
    step.mark_done()
    _say(f"Installed {step.title} in {time.monotonic() - began:.0f} s.")


def _run(command: Sequence[str], began: float) -> None:
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            while not _has_ended(process):
                _say(f"  ... {time.monotonic() - began:.0f} s")
        finally:
            process.kill()
            process.wait()
        if process.returncode:
            raise SetupError(_explain(command, process.returncode, output))


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(HEARTBEAT_SECONDS)
        return True
    return False


def _explain(command: Sequence[str], code: int, output: IO[bytes]) -> str:
    output.seek(0)
    said = output.read().decode(errors="replace").rstrip()
    return (
        f"{said}\n\nSet-up failed: `{' '.join(command)}` ended with {code}; its output is above. "
        "The first set-up needs the package registries of PyPI and npm."
    )


@contextlib.contextmanager
def _alone_in(root: Path) -> Iterator[None]:
    # The folder itself is locked: there is no lock file to be left behind or cleaned away.
    folder = os.open(root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("Another set-up of this folder is under way; waiting for it ...")
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Set up this checkout; returns the exit code."""
    try:
        set_up(ROOT, steps(ROOT))
    except SetupError as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        _say("Set-up was interrupted; the next one goes on.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
