"""Whether a delivery comes from who it says: over its bytes as received, in constant time.

Every secret is tried, whichever fits: how long it takes tells nothing about them.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence

from shared.webhooks.secrets import Sender

type Headers = Mapping[str, str]


def is_genuine(sender: Sender, secrets: Sequence[str], headers: Headers, body: bytes) -> bool:
    """Whether one of the sender's secrets fits.

    Args:
        sender: Who sends it, by the path.
        secrets: The sender's secrets; with none, nothing is genuine.
        headers: Names in lower case.
        body: As received; it is not looked into.
    """
    verify = _VERIFY[sender]
    return True in [verify(secret, headers, body) for secret in secrets]


def _by_github(secret: str, headers: Headers, body: bytes) -> bool:
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return _is_same(headers.get("x-hub-signature-256", ""), expected)


def _by_gitlab(secret: str, headers: Headers, body: bytes) -> bool:
    del body  # GitLab's token signs nothing
    return _is_same(headers.get("x-gitlab-token", ""), secret)


def _by_azure_devops(secret: str, headers: Headers, body: bytes) -> bool:
    del body  # nor does a password
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    expected = base64.b64encode(secret.encode()).decode()
    return _is_same(credentials.strip(), expected) and scheme.lower() == "basic"


def _by_standard(secret: str, headers: Headers, body: bytes) -> bool:
    from standardwebhooks import Webhook, WebhookVerificationError  # only when such a sender calls

    try:
        Webhook(secret).verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError):  # it unpacks and decodes without a guard
        return False
    return True


def _is_same(given: str, expected: str) -> bool:
    # Half a surrogate pair, as a server may make of a byte, must not become another character.
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode())


_VERIFY: Mapping[Sender, Callable[[str, Headers, bytes], bool]] = {
    Sender.GITHUB: _by_github,
    Sender.GITLAB: _by_gitlab,
    Sender.AZURE_DEVOPS: _by_azure_devops,
    Sender.STANDARD: _by_standard,
}
