"""The probe after a deployment, against the app as it runs."""

from pathlib import Path

import pytest

from devstack.stack import Stack
from tests.deployment.cloud import cloud_in
from tests.deployment.deployed import PROBE, deployed
from tests.e2e.asking import ANA, PUBLISHER
from tests.e2e.seeing import outcome_mail, outcome_of, rows_of_offer

pytestmark = pytest.mark.integration


def test_the_test_mail_goes_the_way_of_every_other(stack: Stack, tmp_path: Path) -> None:
    cloud = cloud_in(tmp_path, PROBE, **deployed({}, stack.url))
    done = cloud.run("--mail-to", ANA, "--publisher", PUBLISHER, "--wait", "60", "--every", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the app answers, and reads its table" in done.stdout
    [row] = rows_of_offer(stack, "offer-cancel-check")
    assert outcome_of(stack, str(row["requestId"])) == "rejected"
    assert outcome_mail(stack, str(row["requestId"])).recipients == (ANA,)
