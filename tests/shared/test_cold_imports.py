"""A function that starts cold loads what it needs itself, and nothing that only others need."""

import subprocess
import sys

import pytest

from devstack.azurite import ACCOUNT_KEY, ACCOUNT_NAME
from devstack.processes import ROOT

MAIL = {"smtplib", "azure.communication.email"}
OTHERS = {
    "CancelHttpTrigger": ("acceptance", {"shared.poller", "shared.submission", "smtplib", "msal"}),
    "WebhookHttpTrigger": (
        "webhook_reception",
        {"shared.poller", "shared.submission", "shared.withdrawal", "smtplib", "msal"},
    ),
    "StatusHttpTrigger": (
        "withdrawal",
        {"shared.acceptance", "shared.poller", "shared.submission", "smtplib", "msal"},
    ),
    "CancelQueueTrigger": ("submission", {"shared.poller", "shared.acceptance", "smtplib", "msal"}),
    "CancellationsHttpTrigger": (
        "listing",
        {"shared.page.serving", "shared.poison_shelf", "shared.poller", "smtplib", "msal"},
    ),
    "PollTimerTrigger": ("poller", {"shared.acceptance", "shared.submission", "smtplib", "msal"}),
}
MODULES = {"webhook_reception": "webhooks.reception"}  # else the part has the module's name
LOADED = """
import {function}
from shared import parts, wiring
(getattr(wiring, "{part}", None) or parts.{part})()
"""


def loaded_by(work: str, settings: dict[str, str]) -> set[str]:
    """Every module that a process has loaded after this."""
    done = subprocess.run(
        [sys.executable, "-c", f"{work}\nimport sys\nprint(*sys.modules)"],
        cwd=ROOT,
        env=settings,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("function", OTHERS)
def test_a_function_does_not_load_what_only_others_need(function: str) -> None:
    part, others = OTHERS[function]
    storage = f"DefaultEndpointsProtocol=https;AccountName={ACCOUNT_NAME};AccountKey={ACCOUNT_KEY}"
    loaded = loaded_by(LOADED.format(function=function, part=part), {"CancelStorage": storage})
    assert f"shared.{MODULES.get(part, part)}" in loaded
    assert not loaded & (others | MAIL)


SENDERS = {
    "smtp": ({"NOTIFICATION_SMTP_URL": "smtp://localhost"}, {"smtplib"}),
    "acs": (
        {"NOTIFICATION_ACS_ENDPOINT": "https://contoso.communication.azure.com"},
        {"azure.communication.email"},
    ),
}


@pytest.mark.parametrize("sender", SENDERS)
def test_who_mails_loads_the_sender_that_is_set_and_no_other(sender: str) -> None:
    settings, own = SENDERS[sender]
    assert (
        loaded_by(
            "from shared import parts; parts.mailer()",
            {"NOTIFICATION_SENDER": "cancel@contoso.com", **settings},
        )
        & MAIL
        == own
    )
