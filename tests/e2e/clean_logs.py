"""What a functions host logs names nobody and opens nothing, whatever was sent to it.

Looked at when a stack ends, so that it holds for everything that the tests did to it.
"""

import json
import re
from urllib.parse import quote

from devstack import webhooks
from devstack.azurite import ACCOUNT_KEY
from devstack.partner_center import DEFAULT_TOKEN
from devstack.stack import Stack
from tests.payloads.deliveries import (
    AZURE_DEVOPS_PASSWORD,
    GITHUB_SECRET,
    GITLAB_TOKEN,
    NEXT_GITHUB_SECRET,
    NEXT_STANDARD_SECRET,
    STANDARD_SECRET,
    basic,
)

# Sent or set by tests only to be looked for here.
CLIENTS_TOKEN = "a-token-that-the-client-sends"
CLIENT_SECRET = "hunter2-hunter2"
MAIL_PASSWORD = "hunter2 p\u00e4ss:/@"
PASSWORD = "hush-hush-password"
REASON = "a reason that is nobody's business"

SECRETS = (
    ACCOUNT_KEY,
    AZURE_DEVOPS_PASSWORD,
    CLIENTS_TOKEN,
    CLIENT_SECRET,
    DEFAULT_TOKEN,
    GITHUB_SECRET,
    GITLAB_TOKEN,
    MAIL_PASSWORD,
    NEXT_GITHUB_SECRET,
    NEXT_STANDARD_SECRET,
    PASSWORD,
    REASON,
    STANDARD_SECRET,
    basic(AZURE_DEVOPS_PASSWORD).removeprefix("Basic "),
    webhooks.SECRET,
)
# As they are, as JSON has them, and as a URL has them.
_SPELLED = {
    spelled: None
    for secret in SECRETS
    for spelled in (secret, json.dumps(secret)[1:-1], quote(secret, safe=""))
}
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.\w+")


def leaks_in(text: str) -> list[str]:
    """The addresses in a log, and the tokens, secrets and bodies that tests use."""
    return [*_ADDRESS.findall(text), *(secret for secret in _SPELLED if secret in text)]


def assert_clean(stack: Stack) -> None:
    """Fail for an address, a token, a secret or a body in what the host wrote."""
    log = stack.host.log.read_text(encoding="utf-8")
    assert '"event": "' in log, "this is not the log of a host that worked"
    leaks = leaks_in(log)
    assert not leaks, f"logged what no log may hold: {leaks}"


def assert_nothing_crashed(stack: Stack) -> None:
    """Fail for what nobody thought of, in a host whose other parts were up all the time."""
    log = stack.host.log.read_text(encoding="utf-8")
    assert "step-crashed" not in log
    assert "request-crashed" not in log
