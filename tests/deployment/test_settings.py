"""Every setting that the code reads is set by the deployment, and none that nothing reads."""

import pytest

from shared.settings import (
    MailSettings,
    PartnerCenterSettings,
    PolicySettings,
    StorageSettings,
    WebhookSettings,
    callers_from_env,
)
from tests.deployment.bicep.syntax import BicepError
from tests.deployment.templates import ENVIRONMENTS, resources, settings_of
from tests.test_contracts import HOST, OF_THE_HOST, settings_read

OF_THE_PLATFORM = {
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "AzureWebJobsStorage__blobServiceUri",
    "AzureWebJobsStorage__credential",
    "AzureWebJobsStorage__clientId",
}
NEVER_SET = {
    "CancelStorage": "a connection string holds a key, and keys are off",
    "PARTNER_CENTER_STATIC_TOKEN": "for the simulator on this machine",
    "PARTNER_CENTER_CERTIFICATE_PATH": "the plan has no files of its own; Key Vault holds it",
    "WEBSITE_AUTH_ENABLED": "Azure sets it",
}
# Flex Consumption takes these from the plan, and refuses a deployment that sets them.
REFUSED_BY_THE_PLAN = {
    "FUNCTIONS_WORKER_RUNTIME",
    "FUNCTIONS_EXTENSION_VERSION",
    "SCM_DO_BUILD_DURING_DEPLOYMENT",
    "ENABLE_ORYX_BUILD",
    "WEBSITE_RUN_FROM_PACKAGE",
    "WEBSITE_TIME_ZONE",
}


def as_azure_gives_them(settings: dict[str, str]) -> dict[str, str]:
    """What the app finds: Azure has filled in addresses, and taken secrets from Key Vault."""
    secrets = {
        "PARTNER_CENTER_CLIENT_SECRET": "of-this-test",
        "PARTNER_CENTER_CERTIFICATE": "b2YtdGhpcy10ZXN0",
        "NOTIFICATION_SMTP_URL": "smtp://user:word@smtp.contoso.example:587",
        "WEBHOOK_SECRETS": '{"github": ["of-this-test"]}',
    }
    known = {
        "CancelStorage__queueServiceUri": "https://a.queue.core.windows.net/",
        "CancelStorage__tableServiceUri": "https://a.table.core.windows.net/",
        "NOTIFICATION_ACS_ENDPOINT": "https://a.communication.azure.com",
        "NOTIFICATION_SENDER": "DoNotReply@a.azurecomm.net",
        "PARTNER_CENTER_CLIENT_ID": "00000000-0000-0000-0000-000000000001",
        "WEBSITE_AUTH_ENABLED": "True",
    }
    filled = {name: known.get(name, value) for name, value in settings.items()}
    references = [name for name, value in filled.items() if value.startswith("@Microsoft.KeyV")]
    return {
        **filled,
        **{name: secrets[name] for name in references},
        "WEBSITE_AUTH_ENABLED": "True",
    }


def test_every_setting_that_the_code_reads_is_set_in_some_environment_and_no_other() -> None:
    found = {name for each in ENVIRONMENTS.values() for name in settings_of(resources(each))}
    assert found - OF_THE_PLATFORM == (settings_read() | OF_THE_HOST) - NEVER_SET.keys()
    assert found >= OF_THE_PLATFORM


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_app_takes_the_settings_of_each_environment(name: str) -> None:
    environ = as_azure_gives_them(settings_of(resources(ENVIRONMENTS[name])))
    for part in (
        StorageSettings,
        PolicySettings,
        PartnerCenterSettings,
        MailSettings,
        WebhookSettings,
    ):
        part.from_env(environ)
    assert callers_from_env(environ).are_authenticated


def test_the_defaults_of_the_templates_are_those_of_the_code() -> None:
    environ = settings_of(resources({}))
    assert PolicySettings.from_env(environ) == PolicySettings.from_env({})
    principal = {"PARTNER_CENTER_CLIENT_ID": "00000000-0000-0000-0000-000000000001"}
    partner_center = PartnerCenterSettings.from_env({**environ, **principal})
    default = PartnerCenterSettings()
    assert (partner_center.url, partner_center.scope) == (default.url, default.scope)


def test_the_schedule_is_one_that_the_host_knows() -> None:
    assert settings_of(resources({}))["POLL_SCHEDULE"] == "*/15 * * * * *"
    with pytest.raises(BicepError, match="pollEverySeconds"):
        resources({"POLL_EVERY_SECONDS": "7"})


def test_an_instance_has_a_thread_for_all_that_the_host_gives_it() -> None:
    queues = HOST["extensions"]["queues"]
    handed_over = queues["batchSize"] + queues["newBatchThreshold"]
    assert int(settings_of(resources({}))["PYTHON_THREADPOOL_THREAD_COUNT"]) >= handed_over
    with pytest.raises(BicepError, match="threadCount"):
        resources({"THREAD_COUNT": str(handed_over - 1)})


def test_nothing_is_set_that_the_plan_refuses() -> None:
    found = {name for each in ENVIRONMENTS.values() for name in settings_of(resources(each))}
    assert not found & REFUSED_BY_THE_PLAN


@pytest.mark.parametrize(
    ("variables", "references"),
    [
        ({}, set()),
        ({"TAKES_WEBHOOKS": "true"}, {"WEBHOOK_SECRETS"}),
        ({"MAIL_SERVICE": "smtp"}, {"NOTIFICATION_SMTP_URL"}),
        ({"PARTNER_CENTER_CREDENTIAL": "secret"}, {"PARTNER_CENTER_CLIENT_SECRET"}),
        ({"PARTNER_CENTER_CREDENTIAL": "certificate"}, {"PARTNER_CENTER_CERTIFICATE"}),
    ],
)
def test_only_secrets_come_from_key_vault_and_a_vault_is_there_only_for_them(
    variables: dict[str, str], references: set[str]
) -> None:
    found = resources(variables)
    vaults = [each.name for each in found if each.type == "Microsoft.KeyVault/vaults"]
    values = settings_of(found).items()
    taken = {name: value for name, value in values if value.startswith("@Microsoft.KeyVault(")}
    assert taken.keys() == references
    assert bool(vaults) == bool(references)
    assert all(f"VaultName={vaults[0]};SecretName=" in value for value in taken.values())
