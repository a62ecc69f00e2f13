"""What is deployed is what runs there: no more, no less, and small."""

import json
import shutil
import subprocess
import sys
from importlib.metadata import distribution, packages_distributions
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name

from devstack.lockfiles import FOR_AZURE, PLATFORMS
from devstack.package import built_here, packaged, pinned, zipped_bytes
from devstack.processes import ROOT
from tests.deployment.guide_commands import blocks, calls
from tests.test_contracts import FUNCTIONS

STRAYS = (
    "local.settings.json",
    "local.settings.contoso.json",
    ".env",
    ".env.prod",
    ".azure/contoso/.env",
    ".venv/lib/x.py",
    "shared/__pycache__/models.cpython-313.pyc",
    "app.zip",
    "notes.md",
    "shared/notes.md",
    "requirements-dev.txt",
    "requirements-other.txt",
    "requirements.in",
    "secret.txt",
    "secret-new.txt",
    "smtp-url.txt",
    "webhook-secrets.json",
    "q.kql",
    "venv/lib/x.py",
    "my_env/lib/x.py",
    ".idea/workspace.xml",
    ".DS_Store",
    "shared/.DS_Store",
)
# Loads every module of the app while whatever a remote build does not install cannot be loaded.
LOAD_ALL = """
import importlib, importlib.abc, json, pkgutil, sys
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(name, name=name)
absent, functions = map(set, json.loads(sys.argv[1]))
sys.meta_path.insert(0, Absent())
import shared
found = [each.name for each in pkgutil.walk_packages(shared.__path__, "shared.")]
for name in (*functions, *(name for name in found if not name.endswith("__main__"))):
    importlib.import_module(name)
print(len(found), shared.__file__)
"""


def in_git() -> set[PurePosixPath]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, check=True)
    return {PurePosixPath(name) for name in listed.stdout.decode().splitlines()}


def deployed() -> list[PurePosixPath]:
    """The package of a clean checkout."""
    tracked = in_git()
    return [name for name in packaged(ROOT) if name in tracked]


def test_the_package_is_the_functions_their_modules_and_what_the_platform_reads() -> None:
    found = deployed()
    modules = {name for name in found if name.parts[0] == "shared" and name.suffix == ".py"}
    triggers = {
        PurePosixPath(function, name)
        for function in FUNCTIONS
        for name in ("__init__.py", "function.json")
    }
    platform = {PurePosixPath("host.json"), PurePosixPath("requirements.txt")}
    assert set(found) == modules | triggers | platform
    assert modules == {
        name for name in in_git() if name.parts[0] == "shared" and name.suffix == ".py"
    }


def test_the_package_is_small() -> None:
    assert zipped_bytes(ROOT, deployed()) < 400 * 1024


def test_what_lies_about_in_a_checkout_is_left_out(tmp_path: Path) -> None:
    for name in (".funcignore", "host.json", "shared/models.py", *STRAYS):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    shutil.copy(ROOT / ".funcignore", tmp_path)
    assert [str(name) for name in packaged(tmp_path)] == ["host.json", "shared/models.py"]


def test_packages_can_be_brought_along_where_azure_would_build_with_another_python(
    tmp_path: Path,
) -> None:
    [block] = [each for each in blocks((ROOT / "docs/deploying.md").read_text()) if " uv " in each]
    [call] = calls(block)
    assert call[call.index("-r") + 1] == "requirements.txt"
    assert call[call.index("--python-version") + 1] == "3.13"
    assert tuple(call[-len(FOR_AZURE) :]) == FOR_AZURE
    folder = call[call.index("--target") + 1]
    module = tmp_path / folder / "requests/__init__.py"
    module.parent.mkdir(parents=True)
    module.touch()
    shutil.copy(ROOT / ".funcignore", tmp_path)
    assert packaged(tmp_path) == [PurePosixPath(folder, "requests/__init__.py")]


def test_the_package_runs_on_what_a_remote_build_installs(tmp_path: Path) -> None:
    for name in deployed():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    installed = {canonicalize_name(name) for name in pinned(ROOT)}
    absent = [
        module
        for module, owners in packages_distributions().items()
        if not installed & {canonicalize_name(owner) for owner in owners}
    ]
    assert "pytest" in absent
    assert "requests" not in absent
    loaded = subprocess.run(
        [sys.executable, "-P", "-c", LOAD_ALL, json.dumps([absent, FUNCTIONS])],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert loaded.returncode == 0, loaded.stderr
    assert str(tmp_path / "shared") in loaded.stdout


def test_every_package_of_a_remote_build_comes_as_a_wheel() -> None:
    assert not built_here(ROOT)
    assert distribution("cryptography").read_text("WHEEL")  # one with a binary, to look at


def test_the_lock_file_can_only_be_made_of_wheels_for_a_glibc_that_azure_has() -> None:
    assert PLATFORMS["requirements"] == FOR_AZURE
    assert FOR_AZURE[-3:] == ("x86_64-manylinux_2_28", "--only-binary", ":all:")
