"""What a functions host logs names nobody and opens nothing, whatever was sent to it.

Looked at when a stack ends, so that it holds for everything that the tests did to it.
"""

import re

from devstack.azurite import ACCOUNT_KEY
from devstack.partner_center import DEFAULT_TOKEN
from devstack.stack import Stack

# Sent or set by tests only to be looked for here.
CLIENTS_TOKEN = "a-token-that-the-client-sends"
PASSWORD = "hush-hush-password"
REASON = "a reason that is nobody's business"

_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.\w+")


def leaks_in(text: str) -> list[str]:
    """The addresses in a log, and the tokens, secrets and bodies that tests use."""
    secrets = (ACCOUNT_KEY, DEFAULT_TOKEN, CLIENTS_TOKEN, PASSWORD, REASON)
    return [*_ADDRESS.findall(text), *(secret for secret in secrets if secret in text)]


def assert_clean(stack: Stack) -> None:
    """Fail for an address, a token, a secret or a body in what the host wrote."""
    log = stack.host.log.read_text(encoding="utf-8")
    assert '"request-accepted"' in log, "this is not the log of a host that worked"
    assert not leaks_in(log)


def assert_nothing_crashed(stack: Stack) -> None:
    """Fail for what nobody thought of, in a host whose other parts were up all the time."""
    log = stack.host.log.read_text(encoding="utf-8")
    assert "step-crashed" not in log
    assert "request-crashed" not in log
