"""The checks tell of webhooks' secrets before a sender finds that it is refused."""

import json

import pytest

from tests.integration.test_operate_for_real import run

pytestmark = pytest.mark.integration


def checked(secrets: str) -> dict[str, dict[str, str]]:
    """What was found, by the name of the check, with nothing else set."""
    done = run({"WEBHOOK_SECRETS": secrets}, "check", "--json")
    return {each["name"]: each for each in json.loads(done.stdout)}


def test_webhooks_are_checked_where_they_are_taken() -> None:
    assert "webhook-secrets" not in checked("")
    assert checked('{"github": ["of-this-test"]}')["webhook-secrets"]["status"] == "ok"


def test_a_secret_that_is_not_in_key_vault_is_told_with_where_to_look() -> None:
    found = checked("@Microsoft.KeyVault(VaultName=v;SecretName=webhook-secrets)")
    assert found["webhook-secrets"]["status"] == "failed"
    assert "Key Vault reference" in found["webhook-secrets"]["said"]
    assert "\n  infra/scripts/probe.sh" in found["webhook-secrets"]["mend"]


def test_secrets_that_cannot_be_read_are_told_without_them() -> None:
    found = checked('{"azure-devops": ["of-this-test"]}')["webhook-secrets"]
    assert found["status"] == "failed"
    assert "user:password" in found["said"]
    assert "every webhook is refused" in found["mend"]
    assert "of-this-test" not in json.dumps(found)
