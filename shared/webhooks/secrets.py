"""The secrets that webhooks are verified with, as ``WEBHOOK_SECRETS`` holds them."""

import base64
import enum
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from shared.errors import InvalidRequestError
from shared.models import from_json

STANDARD_PREFIX = "whsec_"


class Sender(enum.StrEnum):
    """Who sends a webhook, as in the path."""

    GITHUB = "github"
    GITLAB = "gitlab"
    AZURE_DEVOPS = "azure-devops"
    STANDARD = "standard"


class _Written(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True):
    github: tuple[str, ...] = ()
    gitlab: tuple[str, ...] = ()
    azure_devops: tuple[str, ...] = ()
    standard: tuple[str, ...] = ()


@dataclass(frozen=True)
class WebhookSecrets:
    """Each sender's secrets; several are valid at once, so that one can be replaced."""

    by_sender: dict[Sender, tuple[str, ...]] = field(default_factory=dict, repr=False)

    def of(self, sender: Sender) -> tuple[str, ...]:
        """The sender's secrets; empty for one that may not call."""
        return self.by_sender.get(sender, ())


def parse_secrets(text: str) -> WebhookSecrets:
    """Read ``{"github": ["…"], "gitlab": ["…"], "azure-devops": ["user:password"], …}``.

    Raises:
        InvalidRequestError: Everything that is wrong and where; no secret is repeated.
    """
    try:
        written = from_json(text, _Written)
    except InvalidRequestError as error:
        raise InvalidRequestError(f"must be a JSON object of lists: {error}") from error
    secrets = WebhookSecrets(
        {
            Sender.GITHUB: written.github,
            Sender.GITLAB: written.gitlab,
            Sender.AZURE_DEVOPS: written.azure_devops,
            Sender.STANDARD: written.standard,
        }
    )
    if problems := list(_problems(secrets)):
        raise InvalidRequestError("; ".join(problems))
    return secrets


def _problems(secrets: WebhookSecrets) -> Iterator[str]:
    for sender, values in secrets.by_sender.items():
        for position, value in enumerate(values, start=1):
            if problem := _problem(sender, value):
                yield f"{sender}, secret {position} {problem}"


def _problem(sender: Sender, value: str) -> str:
    if not value.strip():
        return "is empty"
    match sender:
        case Sender.GITLAB if not _fits_a_header(value):
            return (
                "must be printable ASCII without commas, and without spaces around it, since it is"
                " sent in a header"
            )
        case Sender.AZURE_DEVOPS if not value.partition(":")[2]:
            return "must be user:password"
        case Sender.STANDARD if not _is_standard(value):
            return f"must be {STANDARD_PREFIX} and Base64"
    return ""


def _fits_a_header(value: str) -> bool:
    """Whether it arrives as it is: servers drop spaces around, and join repeated ones by commas."""
    is_printable = value.isascii() and value.isprintable()
    return is_printable and "," not in value and value == value.strip()


def _is_standard(value: str) -> bool:
    encoded = value.removeprefix(STANDARD_PREFIX)
    if encoded == value:
        return False
    try:
        # Padding may be missing, as the library of Standard Webhooks allows it to be.
        return bool(base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True))
    except ValueError:
        return False
