"""Starts the programs of ``child`` and reads what they tell."""

import os
import subprocess
import sys
from collections.abc import Mapping

from devstack.errors import StackError
from devstack.functions_host import PASSED_ON
from devstack.processes import ROOT

_SECONDS = 300.0


class ChildFailedError(StackError):
    """A measured process ended with an error; its own words say which."""


def run(program: str, argument: str, settings: Mapping[str, str]) -> list[dict[str, float]]:
    """Run a program of ``child`` to its end; the figures that it told, line by line."""
    done = subprocess.run(
        command(program, argument),
        cwd=ROOT,
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode:
        raise ChildFailedError(f"{program} ended with {done.returncode}:\n{done.stderr}")
    return [figures(line) for line in done.stdout.splitlines()]


def command(program: str, argument: str) -> list[str]:
    """The command line of a program of ``child``."""
    return [sys.executable, "-m", "benchmarks.child", program, argument]


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The settings, and of this process's own environment what a program needs to start."""
    passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {**passed_on, **settings}


def figures(line: str) -> dict[str, float]:
    """A line of figures, read."""
    pairs = (pair.partition("=") for pair in line.split())
    return {name: float(value) for name, _, value in pairs}
