"""A secret that Azure could not take from Key Vault is named, and never taken for the secret."""

from typing import Any

import pytest

from shared.errors import ConfigurationError
from shared.settings import MailSettings, PartnerCenterSettings, WebhookSettings

UNRESOLVED = "@Microsoft.KeyVault(VaultName=kv-contoso;SecretName=one)"
PRINCIPAL = {"PARTNER_CENTER_TENANT_ID": "t1", "PARTNER_CENTER_CLIENT_ID": "c1"}


@pytest.mark.parametrize(
    ("part", "name", "others"),
    [
        (PartnerCenterSettings, "PARTNER_CENTER_CLIENT_SECRET", PRINCIPAL),
        (PartnerCenterSettings, "PARTNER_CENTER_CERTIFICATE", PRINCIPAL),
        (MailSettings, "NOTIFICATION_SMTP_URL", {"NOTIFICATION_SENDER": "a@contoso.example"}),
        (WebhookSettings, "WEBHOOK_SECRETS", {}),
    ],
)
def test_a_reference_without_its_secret_is_the_one_problem(
    part: Any, name: str, others: dict[str, str]
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        part.from_env({**others, name: UNRESOLVED})
    assert raised.value.problems == (
        f"{name} is a Key Vault reference that Azure could not resolve",
    )
