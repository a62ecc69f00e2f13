"""What would be deployed from this folder: `make package` shows it, and its size.

Azure builds the rest by itself, from ``requirements.txt``, where every package has a wheel for its
machines: the lock file can be made of no others, and here the registry is asked once more.
"""

import io
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path, PurePosixPath

from pathspec import GitIgnoreSpec

from devstack.lockfiles import FOR_AZURE
from devstack.processes import ROOT

# The tag of a wheel that pip made here, for this machine.
_FROM_SOURCE = "-linux_"


def packaged(root: Path) -> list[PurePosixPath]:
    """The files that would be deployed, relative to the folder, in order."""
    ignored = GitIgnoreSpec.from_lines((root / ".funcignore").read_text().splitlines())
    return sorted(_kept(root, root, ignored))


def _kept(root: Path, folder: Path, ignored: GitIgnoreSpec) -> Iterator[PurePosixPath]:
    for path in folder.iterdir():
        name = path.relative_to(root).as_posix()
        if ignored.match_file(f"{name}/" if path.is_dir() else name):
            continue
        if path.is_dir():
            yield from _kept(root, path, ignored)
        else:
            yield PurePosixPath(name)


def zipped_bytes(root: Path, files: list[PurePosixPath]) -> int:
    """How large the package is on its way to Azure."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for name in files:
            package.writestr(str(name), (root / name).read_bytes())
    return len(buffer.getvalue())


def pinned(root: Path) -> list[str]:
    """The packages that a remote build installs."""
    lines = (root / "requirements.txt").read_text().splitlines()
    return [line.partition("==")[0] for line in lines if "==" in line]


def built_here(root: Path) -> list[str]:
    """The packages of a remote build that had no wheel here and were built from source."""
    return [name for name in pinned(root) if _FROM_SOURCE in _wheel_of(name)]


def _wheel_of(name: str) -> str:
    return distribution(name).read_text("WHEEL") or _FROM_SOURCE


def without_wheels(requirements: Path) -> str:
    """What pip's registry lacks for Azure's machines, in uv's words; empty if it has it all."""
    with tempfile.TemporaryDirectory() as nowhere:
        command = [f"{sys.prefix}/bin/uv", "pip", "install", "--dry-run", "--target", nowhere]
        done = subprocess.run(
            [*command, "--no-deps", "--python-version", "3.13", *FOR_AZURE, "-r", requirements],
            capture_output=True,
            text=True,
            check=False,
        )
    return done.stderr if done.returncode else ""


def _installed_bytes(root: Path) -> int:
    located = (each.locate() for name in pinned(root) for each in distribution(name).files or ())
    return sum(path.stat().st_size for path in map(Path, map(str, located)) if path.is_file())


def _not_in_git(root: Path, files: list[PurePosixPath]) -> list[str]:
    asked = ["git", "ls-files", "--others", "--", *map(str, files)]
    done = subprocess.run(asked, cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


def _show(root: Path, files: list[PurePosixPath]) -> None:
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for name in files:
        top = f"{name.parts[0]}/" if len(name.parts) > 1 else str(name)
        counts[top] += 1
        sizes[top] += (root / name).stat().st_size
    for top, count in counts.items():
        print(f"{top:<28} {count:>3} files {sizes[top] / 1024:>8.1f} KB")
    print(
        f"{'in all':<28} {len(files):>3} files {sizes.total() / 1024:>8.1f} KB,"
        f" {zipped_bytes(root, files) / 1024:.1f} KB as a zip"
    )
    print(
        f"A remote build adds {len(pinned(root))} packages,"
        f" {_installed_bytes(root) / 2**20:.0f} MB with what Python makes of them here."
    )


def main() -> int:
    """Show the package; returns 1 if it is not fit to be deployed."""
    files = packaged(ROOT)
    _show(ROOT, files)
    strays, lacking = _not_in_git(ROOT, files), without_wheels(ROOT / "requirements.txt")
    for name in strays:
        print(f"Not in git, but would be deployed: {name}")
    print(lacking or "All of them have wheels for Azure's machines.")
    return 1 if strays or lacking else 0


if __name__ == "__main__":
    sys.exit(main())
