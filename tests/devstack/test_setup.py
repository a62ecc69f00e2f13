import subprocess
import sys
import threading
from pathlib import Path

import pytest

from devstack.setup import SetupError, Step, set_up, steps

ROOT = Path(__file__).parents[2]
FIND_PYTHON = ROOT / "devstack/find-python.sh"


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def find_python(folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the finder where PATH holds one folder and no version manager is known."""
    base = {"PATH": str(folder), "HOME": str(folder), "PYENV_ROOT": str(folder / "pyenv")}
    return subprocess.run(
        ["/bin/sh", str(FIND_PYTHON)],
        env={**base, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def runs_this_python(path: Path) -> Path:
    return program(path, f'exec "{sys.executable}" "$@"')


def test_a_shim_that_fails_is_passed_over_for_a_python_that_runs(tmp_path: Path) -> None:
    program(tmp_path / "python3.13", "echo 'version 3.13 is not installed' >&2; exit 127")
    runs_this_python(tmp_path / "python3")
    found = find_python(tmp_path)
    assert found.returncode == 0
    assert Path(found.stdout.strip()).samefile(sys._base_executable)  # type: ignore[attr-defined]


def test_a_python_of_another_version_is_passed_over(tmp_path: Path) -> None:
    program(tmp_path / "python3", "exit 1")
    runs_this_python(tmp_path / "pyenv/versions/3.13.9/bin/python3")
    assert find_python(tmp_path).returncode == 0


def test_the_python_that_uv_knows_is_taken_when_path_has_none(tmp_path: Path) -> None:
    python = runs_this_python(tmp_path / "managed/python3.13")
    program(tmp_path / "uv", f'echo "{python}"')
    assert find_python(tmp_path).returncode == 0


def test_a_python_that_was_asked_for_is_taken_or_refused_by_name(tmp_path: Path) -> None:
    good = runs_this_python(tmp_path / "good")
    assert find_python(tmp_path, PYTHON=str(good)).returncode == 0
    refused = find_python(tmp_path, PYTHON="/no/such/python")
    assert refused.returncode == 1
    assert "/no/such/python is not a Python 3.13" in refused.stderr


def test_how_to_get_a_python_is_said_when_none_is_found(tmp_path: Path) -> None:
    found = find_python(tmp_path)
    assert found.returncode == 1
    assert found.stdout == ""
    assert "needs Python 3.13" in found.stderr
    assert "uv python install 3.13" in found.stderr


def step(folder: Path, *commands: tuple[str, ...]) -> Step:
    lock = folder / "lock.txt"
    lock.touch()
    return Step("a part", folder, folder / "lock.txt", (lock,), commands)


def counting(folder: Path) -> tuple[str, ...]:
    code = "import sys; open(sys.argv[1], 'a').write('x')"
    return (sys.executable, "-c", code, str(folder / "count.txt"))


def count(folder: Path) -> int:
    return len((folder / "count.txt").read_text(encoding="utf-8"))


def test_a_step_is_carried_out_once(tmp_path: Path) -> None:
    for _ in range(2):
        set_up(tmp_path, [step(tmp_path, counting(tmp_path))])
    assert count(tmp_path) == 1


def test_a_step_is_carried_out_again_when_its_lock_file_changes(tmp_path: Path) -> None:
    set_up(tmp_path, [step(tmp_path, counting(tmp_path))])
    (tmp_path / "lock.txt").write_text("changed", encoding="utf-8")
    set_up(tmp_path, [step(tmp_path, counting(tmp_path))])
    assert count(tmp_path) == 2


def test_set_ups_at_the_same_time_carry_a_step_out_once(tmp_path: Path) -> None:
    todo = [step(tmp_path, counting(tmp_path))]
    together = [threading.Thread(target=set_up, args=(tmp_path, todo)) for _ in range(4)]
    for thread in together:
        thread.start()
    for thread in together:
        thread.join()
    assert count(tmp_path) == 1


def test_a_step_that_failed_says_what_it_wrote_and_is_not_done(tmp_path: Path) -> None:
    failing = step(tmp_path, (sys.executable, "-c", "raise SystemExit('no such package')"))
    with pytest.raises(SetupError, match=r"(?s)no such package.*ended with 1"):
        set_up(tmp_path, [failing])
    assert not failing.is_done


def test_a_step_whose_program_has_gone_is_not_done(tmp_path: Path) -> None:
    done = Step("a part", tmp_path, tmp_path / "python", (), ())
    done.program.touch()
    done.mark_done()
    assert done.is_done
    done.program.unlink()
    assert not done.is_done


def test_this_checkout_is_set_up_from_its_own_lock_files() -> None:
    locks = [lock.name for installed in steps(ROOT) for lock in installed.locks]
    assert locks == [
        "requirements-dev.txt",
        "package.json",
        "package-lock.json",
        "requirements-checkov.txt",
    ]
