"""The command behind ``make soak``, as a process; what a soak finds is tested in ``tests/e2e``."""

import re
import signal
from pathlib import Path

import pytest

from tests.devstack.test_commands import running

pytestmark = pytest.mark.integration


def test_an_interrupted_soak_tells_what_is_known_so_far_and_ends_clean(tmp_path: Path) -> None:
    with running("devstack.soak", tmp_path, "--minutes", "5", "--seed", "3") as soak:
        soak.wait_for_text(r"functions host killed, for")
        assert soak.end(signal.SIGINT) == 1
    output = soak.output
    assert "with seed 3" in output
    assert "Traceback" not in output
    table = dict(re.findall(r"^(\w[\w ]*?)  +(\d+)$", output, re.MULTILINE))
    assert int(table["requests"]) > 0
    assert int(table["kills"]) > 0
    assert int(table["lost"]) > 0  # what was under way was not waited for
    assert (table["false"], table["seed"]) == ("0", "3")
