"""A function that starts cold loads what it needs itself, and nothing that only others need."""

import subprocess
import sys

import pytest

from devstack.azurite import ACCOUNT_KEY, ACCOUNT_NAME
from devstack.processes import ROOT

OTHERS = {
    "CancelHttpTrigger": ("acceptance", {"shared.poller", "shared.submission", "smtplib", "msal"}),
    "CancelQueueTrigger": ("submission", {"shared.poller", "shared.acceptance", "smtplib", "msal"}),
    "CancellationsHttpTrigger": (
        "listing",
        {"shared.page.serving", "shared.poison_shelf", "shared.poller", "smtplib", "msal"},
    ),
    "PollTimerTrigger": ("poller", {"shared.acceptance", "shared.submission", "smtplib", "msal"}),
}
LOADED = """
import sys
import {function}
from shared import wiring
wiring.{part}()
print(*sys.modules)
"""


@pytest.mark.parametrize("function", OTHERS)
def test_a_function_does_not_load_what_only_others_need(function: str) -> None:
    part, others = OTHERS[function]
    storage = f"DefaultEndpointsProtocol=https;AccountName={ACCOUNT_NAME};AccountKey={ACCOUNT_KEY}"
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(function=function, part=part)],
        cwd=ROOT,
        env={"CancelStorage": storage},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert f"shared.{part}" in loaded
    assert not loaded & others
