"""What is deployed, and nothing else of the checkout, is an app that cancels."""

import shutil
from pathlib import Path

import pytest

from devstack.package import packaged
from devstack.stack import Stack
from tests.e2e.asking import PUBLISHER, ask
from tests.e2e.clean_logs import assert_clean, assert_nothing_crashed
from tests.e2e.seeing import outcome_of, outcomes_mailed
from tests.test_contracts import ROOT

pytestmark = pytest.mark.integration

SETTINGS = {"POLL_SCHEDULE": "*/2 * * * * *"}
OFFER = "from-the-package"


def test_the_package_cancels_and_mails_the_outcome(tmp_path: Path) -> None:
    app = tmp_path / "package"
    for name in packaged(ROOT):
        (app / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, app / name)
    with Stack(tmp_path / "stack", settings=SETTINGS, app=app) as stack:
        stack.partner_center.create_offer(PUBLISHER, OFFER, "cancels-after-202")
        request_id = ask(stack, OFFER)
        assert outcome_of(stack, request_id) == "canceled"
        assert outcomes_mailed(stack, request_id) == ["canceled"]
    assert_clean(stack)
    assert_nothing_crashed(stack)
    # Python leaves the compiled module where it loaded it from.
    for module in ("acceptance", "submission", "poller"):
        assert list((app / "shared/__pycache__").glob(f"{module}.*.pyc")), module
