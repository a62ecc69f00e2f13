"""The app in a hurry: every module has the shorter times, and none that is gone goes unnoticed."""

import importlib
import subprocess
import sys
from datetime import timedelta

import pytest

from devstack.processes import ROOT
from devstack.soak.hurried_host import shorten
from shared import outcome_mail

EVERYWHERE = """
import importlib, pkgutil, sys
from devstack.soak.hurried_host import shorten
from devstack.soak.times import HURRIED_CONSTANTS
shorten(HURRIED_CONSTANTS)
import shared
for module in pkgutil.walk_packages(shared.__path__, "shared."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
for owner, constants in HURRIED_CONSTANTS.items():
    for name, value in constants.items():
        if name.startswith("_") or name in ("EVERY", "LEASE_SECONDS", "RETRY_FIRST_SECONDS"):
            continue  # others have one of that name, and mean another time
        for loaded in list(sys.modules.values()):
            if loaded.__name__.startswith("shared.") and hasattr(loaded, name):
                assert getattr(loaded, name) == value, (loaded.__name__, name)
"""


def test_every_module_that_takes_a_time_takes_the_shorter_one() -> None:
    done = subprocess.run(
        [sys.executable, "-c", EVERYWHERE], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_time_that_the_app_no_longer_has_is_an_error() -> None:
    with pytest.raises(AttributeError, match="NO_SUCH_TIME"):
        shorten({"shared.backoff": {"NO_SUCH_TIME": 1.0}})


def test_a_time_that_another_module_has_taken_already_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert importlib.import_module("shared.pending_step")  # takes it by its name
    monkeypatch.setattr(outcome_mail, "CLAIM", outcome_mail.CLAIM)  # put back afterwards
    with pytest.raises(RuntimeError, match=r"has taken CLAIM already"):
        shorten({"shared.outcome_mail": {"CLAIM": timedelta(seconds=1)}})
