import json
from importlib.metadata import version
from pathlib import Path

import pytest

from devstack.lockfiles import header, npm_problems, problems_of

NAME = "requirements"
# One that needs nothing, and one that needs one other.
IDNA = f"idna=={version('idna')}\n"
CFFI = f"cffi=={version('cffi')}\n"
PYCPARSER = f"pycparser=={version('pycparser')}\n"


def problems(folder: Path, asked_for: str, pins: str, first: str = header(NAME)) -> str:
    (folder / f"{NAME}.in").write_text(asked_for, encoding="utf-8")
    (folder / f"{NAME}.txt").write_text(first + pins, encoding="utf-8")
    return "\n".join(problems_of(NAME, folder))


def test_a_lock_file_that_pins_what_is_needed_and_no_more_is_up_to_date(tmp_path: Path) -> None:
    assert problems(tmp_path, "idna\ncffi  # why\n", IDNA + CFFI + PYCPARSER) == ""


def test_a_lock_file_may_ask_for_what_another_asks_for(tmp_path: Path) -> None:
    (tmp_path / "other.in").write_text("cffi\n", encoding="utf-8")
    assert problems(tmp_path, "-r other.txt\nidna\n", IDNA + CFFI + PYCPARSER) == ""


@pytest.mark.parametrize(
    ("asked_for", "pins", "problem"),
    [
        ("idna\ncffi", IDNA, "cffi is needed, but not pinned"),
        ("cffi", CFFI, "pycparser"),
        ("cffi", CFFI + PYCPARSER + IDNA, "idna is pinned, but nothing needs it"),
        ("idna<1", IDNA, "idna<1 is needed, but"),
        ("idna", "idna==1.0\n", f"idna 1.0 is pinned, but {version('idna')} is installed"),
        ("no-such-package", "no-such-package==1\n", "1 is pinned, but no version is installed"),
        ("idna", "--index-url https://registry.example\n" + IDNA, "holds an address or an option"),
    ],
)
def test_what_is_not_up_to_date_is_said(
    tmp_path: Path, asked_for: str, pins: str, problem: str
) -> None:
    assert problem in problems(tmp_path, asked_for, pins)


def test_a_lock_file_made_by_hand_is_noticed(tmp_path: Path) -> None:
    assert "the first line" in problems(tmp_path, "idna", IDNA, first="")


def test_addresses_in_the_lock_file_of_azurite_are_noticed(tmp_path: Path) -> None:
    lock = tmp_path / "devstack/azurite/package-lock.json"
    lock.parent.mkdir(parents=True)
    lock.write_text("{}", encoding="utf-8")
    assert list(npm_problems(tmp_path)) == []
    lock.write_text(json.dumps({"resolved": "an address"}), encoding="utf-8")
    assert len(list(npm_problems(tmp_path))) == 1
