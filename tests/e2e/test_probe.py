"""What shows after a deployment whether it is whole, against the app as it runs."""

import subprocess
import sys
from pathlib import Path

import pytest

from devstack.processes import ROOT
from devstack.stack import Stack
from tests.deployment.cloud import cloud_in
from tests.deployment.deployed import PROBE, deployed
from tests.e2e.asking import ANA, PUBLISHER
from tests.e2e.seeing import eventually, outcome_mail, outcome_of, rows_of_offer

pytestmark = pytest.mark.integration


def test_the_test_mail_goes_the_way_of_every_other(stack: Stack, tmp_path: Path) -> None:
    cloud = cloud_in(tmp_path, PROBE, **deployed({}, stack.url))
    done = cloud.run("--mail-to", ANA, "--publisher", PUBLISHER, "--wait", "60", "--every", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the app answers, and reads its table" in done.stdout
    [row] = rows_of_offer(stack, "offer-cancel-check")
    assert outcome_of(stack, str(row["requestId"])) == "rejected"
    assert outcome_mail(stack, str(row["requestId"])).recipients == (ANA,)


def test_a_person_sees_what_the_app_found_by_itself(stack: Stack) -> None:
    def shown() -> str:
        done = subprocess.run(
            [sys.executable, "-m", "shared.operate", "check", "--deployed"],
            cwd=ROOT,
            env={"CancelStorage": stack.storage.connection_string},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout if "Found by the app itself" in done.stdout else ""

    found = eventually(shown, "the app has checked")
    # Not whether a publisher could be read: it is there as soon as a test makes an offer of it.
    for name in ("partner-center-token", "storage-cancellations", "mail-login"):
        assert f"ok       {name} " in found
    assert " partner-center-read " in found
