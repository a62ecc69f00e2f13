"""Makes the lock files and tells whether they are up to date, the latter without any network.

A lock file is up to date when it pins exactly what its ``.in`` file asks for, with all that these
packages need in turn. The installed packages know what they need, so nothing has to be resolved
and a newer version on the registry makes no lock file old.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
NAMES = ("requirements", "requirements-dev", "requirements-checkov")
# What is installed apart from the rest; set-up has pip look whether it is all there.
APART = frozenset({"requirements-checkov"})
COMPILE = (
    "pip", "compile", "--quiet", "--no-header", "--no-emit-index-url", "--no-emit-find-links",
    "--python-version", "3.13",
)  # fmt: skip
# What Azure's machines can install, which build nothing: glibc 2.28 is older than theirs.
FOR_AZURE = ("--python-platform", "x86_64-manylinux_2_28", "--only-binary", ":all:")
PLATFORMS = {"requirements": FOR_AZURE}
NPM_LOCK_ONLY = (
    "--prefix", "devstack/azurite", "--package-lock-only", "--omit-lockfile-registry-resolved",
    "--ignore-scripts", "--no-audit", "--no-fund",
)  # fmt: skip


def header(name: str) -> str:
    """The first line of a lock file."""
    return f"# Made from {name}.in by `make lock`; not to be edited by hand.\n"


def make(*, upgrade: bool) -> int:
    """Remake all lock files; pins that still fit are kept unless upgraded."""
    for name in NAMES:
        output = ROOT / f"{name}.txt"
        platform = PLATFORMS.get(name, ("--python-platform", "linux"))
        command = [f"{sys.prefix}/bin/uv", *COMPILE, *platform, f"{name}.in"]
        command += ["--output-file", output.name]
        if not _ran([*command, *(["--upgrade"] if upgrade else [])]):
            return 1
        output.write_text(header(name) + output.read_text(encoding="utf-8"), encoding="utf-8")
    change = "update" if upgrade else "install"
    if not _ran([sys.executable, "-m", "devstack.node", "npm", change, *NPM_LOCK_ONLY]):
        return 1
    print("The lock files are made; the next target installs from them.")
    return 0


def _ran(command: list[str]) -> bool:
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def check() -> int:
    """Say every way in which a lock file is not up to date."""
    problems = [problem for name in NAMES for problem in problems_of(name)]
    problems += npm_problems()
    for problem in problems:
        print(problem)
    print("Run `make lock`." if problems else "The lock files are up to date.")
    return 1 if problems else 0


def problems_of(name: str, root: Path = ROOT) -> Iterator[str]:
    """What is wrong with one lock file, as sentences."""
    text = (root / f"{name}.txt").read_text(encoding="utf-8")
    if not text.startswith(header(name)):
        yield f"{name}.txt: the first line is not the one that says how it is made"
    if "://" in text or "--" in text:
        yield f"{name}.txt: holds an address or an option of the machine that made it"
    if name not in APART:
        asked_for = list(_asked_for(root / f"{name}.in"))
        yield from _closure_problems(f"{name}.txt", _pins(text), asked_for)


def npm_problems(root: Path = ROOT) -> Iterator[str]:
    """What is wrong with the lock file of Azurite; that it fits, ``npm ci`` sees to."""
    path = root / "devstack/azurite/package-lock.json"
    if '"resolved"' in path.read_text(encoding="utf-8"):
        yield f"{path.name}: holds addresses of the registry of the machine that made it"


def _pins(text: str) -> dict[str, str]:
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    pairs = (line.split("==") for line in lines if "==" in line)
    return {canonicalize_name(name): version for name, version in pairs}


def _asked_for(path: Path) -> Iterator[Requirement]:
    for line in path.read_text(encoding="utf-8").splitlines():
        wanted = line.partition("#")[0].strip()
        if wanted.startswith("-r "):
            included = path.with_name(wanted.removeprefix("-r ")).with_suffix(".in")
            yield from _asked_for(included)
        elif wanted:
            yield Requirement(wanted)


def _closure_problems(
    lock: str, pinned: dict[str, str], asked_for: list[Requirement]
) -> Iterator[str]:
    seen: set[str] = set()  # packages, and requirements as they are written
    waiting = asked_for
    while waiting:
        requirement = waiting.pop()
        package: str = canonicalize_name(requirement.name)
        problem = _misfit(requirement, pinned.get(package))
        if problem:
            yield f"{lock}: {problem}"
        elif str(requirement) not in seen:
            waiting += _wants(package, requirement.extras)
        seen |= {package, str(requirement)}
    for package in sorted(pinned.keys() - seen):
        yield f"{lock}: {package} is pinned, but nothing needs it"


def _misfit(requirement: Requirement, pinned: str | None) -> str:
    if pinned is None:
        return f"{requirement} is needed, but not pinned"
    if not requirement.specifier.contains(pinned, prereleases=True):
        return f"{requirement} is needed, but {pinned} is pinned"
    installed = _installed_version(requirement.name)
    if installed != pinned:
        return f"{requirement.name} {pinned} is pinned, but {installed} is installed"
    return ""


def _installed_version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "no version"


def _wants(package: str, extras: set[str]) -> Iterator[Requirement]:
    for text in requires(package) or ():
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield requirement


def main() -> int:
    """Read the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m devstack.lockfiles", description=__doc__)
    parser.add_argument("command", choices=["make", "check"])
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    arguments = parser.parse_args()
    return make(upgrade=arguments.upgrade) if arguments.command == "make" else check()


if __name__ == "__main__":
    sys.exit(main())
