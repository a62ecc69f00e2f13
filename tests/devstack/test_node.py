from pathlib import Path

import pytest

from devstack.node import find_node, npm_command, wheel_folder


def program(path: Path, answer: str) -> Path:
    path.write_text(f"#!/bin/sh\necho '{answer}'\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def _only_this_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


def wheel() -> Path:
    folder = wheel_folder()
    assert folder
    return folder


def test_the_machines_node_is_used_with_its_npm(tmp_path: Path) -> None:
    node = program(tmp_path / "node", "v22.1.0")
    npm = program(tmp_path / "npm", "11")
    assert find_node() == node
    assert npm_command(node) == [str(npm)]


def test_a_machine_without_npm_gets_the_one_of_the_wheel(tmp_path: Path) -> None:
    node = program(tmp_path / "node", "v22.1.0")
    command = npm_command(node)
    assert command[0] == str(node)
    assert Path(command[1]).is_relative_to(wheel())
    assert Path(command[1]).exists()


@pytest.mark.parametrize("answer", ["v18.20.0", "v19.9.9", "not a version"])
def test_an_old_or_broken_node_is_passed_over_for_the_wheels(tmp_path: Path, answer: str) -> None:
    program(tmp_path / "node", answer)
    program(tmp_path / "npm", "8")
    node = find_node()
    assert node.is_relative_to(wheel())
    assert npm_command(node)[0] == str(node)


def test_a_machine_without_node_gets_the_wheels() -> None:
    assert find_node() == wheel() / "bin/node"
