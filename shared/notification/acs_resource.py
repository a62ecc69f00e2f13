"""An Azure Communication Services resource, as the settings name it.

Its token lets one mail in the name of the publisher, so it goes to Azure's own hosts only. An
error repeats no part of the setting: a connection string that was pasted there holds a key.
"""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from shared.hosts import is_loopback
from shared.notification.quota import Quota

MANAGED_DOMAIN = ".azurecomm.net"
# service-limits.md of Azure's documentation; raised by a support request, for own domains only.
_OF_MANAGED_DOMAINS = Quota(per_minute=5, per_hour=10)
_OF_OWN_DOMAINS = Quota(per_minute=30, per_hour=100)
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}\.)+communication\.azure\.com")
_FORM = "it must be https://<resource>.communication.azure.com, and no connection string"


@dataclass(frozen=True, kw_only=True)
class AcsResource:
    """Where to hand mails over, and as whom.

    Attributes:
        endpoint: Scheme and host, without a slash at the end.
        client_id: Of a user-assigned managed identity; empty for the system-assigned one.
        quota: How much it lets us send.
    """

    endpoint: str
    client_id: str = ""
    quota: Quota = _OF_OWN_DOMAINS

    @property
    def is_loopback(self) -> bool:
        """Whether it is on this machine, where a token may go over plain HTTP."""
        return is_loopback(urlsplit(self.endpoint).hostname or "")


def quota_for(sender_domain: str) -> Quota:
    """What Azure gives by default to who sends from this domain, in lower case."""
    is_managed = sender_domain.endswith(MANAGED_DOMAIN)
    return _OF_MANAGED_DOMAINS if is_managed else _OF_OWN_DOMAINS


def parse_acs_endpoint(text: str) -> str:
    """Read the endpoint of a resource: HTTPS to Azure, or HTTP to this machine.

    Raises:
        ValueError: What is wrong, as the rest of a sentence about the setting.
    """
    endpoint = text.lower().removesuffix("/")
    try:
        parts = urlsplit(endpoint)
        host, port = parts.hostname or "", f":{parts.port}" if parts.port else ""
    except ValueError:
        raise ValueError(f"cannot be read as a URL; {_FORM}") from None
    bracketed = f"[{host}]" if ":" in host else host
    if endpoint != f"{parts.scheme}://{bracketed}{port}":
        raise ValueError(f"is more than a scheme and a host; {_FORM}")
    is_azure = parts.scheme == "https" and _HOST.fullmatch(host) and not port
    if not is_azure and not (parts.scheme == "http" and is_loopback(host)):
        raise ValueError(f"is no resource of Azure Communication Services; {_FORM}")
    return endpoint
