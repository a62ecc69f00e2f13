"""No key, no secret, nothing open that need not be: read off what would be deployed."""

import json
import re
from pathlib import Path

import pytest

from tests.deployment.bicep.deployment import Resource
from tests.deployment.bicep.syntax import read as read_bicep
from tests.deployment.bicep.syntax import text_of, walk
from tests.deployment.templates import (
    ENVIRONMENTS,
    FILES,
    of_type,
    resources,
    settings_of,
    template,
)

ACCOUNTS = "Microsoft.Storage/storageAccounts"
GIVES_OUT_KEYS = re.compile(r"list\w*(Keys|Secrets|ConnectionStrings|Sas)", re.IGNORECASE)
PRIVATE = {"USES_VIRTUAL_NETWORK": "true"}
TAKES_SECRETS = {"TAKES_WEBHOOKS": "true"}


def one(found: list[Resource], type_name: str) -> Resource:
    [only] = of_type(found, type_name)
    return only


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.name))
def test_no_template_asks_for_a_key_or_takes_a_secret(path: Path) -> None:
    file = read_bicep(path)
    names = {text_of(node) for node in walk(file.root) if "identifier" in node.type}
    assert not [name for name in names if GIVES_OUT_KEYS.search(name)]
    assert not [each.name for each in file.of_kind("param") if "secure" in each.decorators]


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_no_setting_and_no_output_holds_a_connection_string_or_a_secret(name: str) -> None:
    made = template(ENVIRONMENTS[name])
    settings = settings_of(made.resources())
    telemetry = settings.pop("APPLICATIONINSIGHTS_CONNECTION_STRING")
    # It says where telemetry goes; who may send it is a matter of roles.
    assert telemetry.endswith(".properties.ConnectionString>")
    told = json.dumps([settings, made.outputs()])
    for word in (
        "AccountKey",
        "ConnectionString",
        "SharedAccess",
        "InstrumentationKey",
        "password",
    ):
        assert word.lower() not in told.lower()


def test_telemetry_is_taken_by_token_only() -> None:
    found = resources({})
    assert one(found, "Microsoft.Insights/components").properties["DisableLocalAuth"] is True
    workspace = one(found, "Microsoft.OperationalInsights/workspaces").properties
    assert workspace["features"]["disableLocalAuth"] is True
    authentication = settings_of(found)["APPLICATIONINSIGHTS_AUTHENTICATION_STRING"]
    assert re.fullmatch(r"ClientId=<id-.*\.clientId>;Authorization=AAD", authentication)


def test_mail_is_sent_by_token_only() -> None:
    service = one(resources({}), "Microsoft.Communication/communicationServices")
    assert service.properties["disableLocalAuth"] is True


def test_host_and_business_have_an_account_each_and_neither_has_keys() -> None:
    found = resources({})
    accounts = of_type(found, ACCOUNTS)
    assert len(accounts) == 2
    for account in accounts:
        assert account.properties["allowSharedKeyAccess"] is False
        assert account.properties["allowBlobPublicAccess"] is False
        assert account.properties["minimumTlsVersion"] == "TLS1_2"
        assert account.properties["supportsHttpsTrafficOnly"] is True
    settings = settings_of(found)
    host, business = (
        settings[name].partition(".")[0]
        for name in ("AzureWebJobsStorage__blobServiceUri", "CancelStorage__queueServiceUri")
    )
    assert host != business


def test_the_deployed_package_is_nobodys_to_read() -> None:
    found = resources({})
    container = one(found, f"{ACCOUNTS}/blobServices/containers")
    assert container.properties["publicAccess"] == "None"
    app = one(found, "Microsoft.Web/sites").properties
    storage = app["functionAppConfig"]["deployment"]["storage"]
    assert storage["authentication"]["type"] == "UserAssignedIdentity"
    assert storage["value"].endswith(container.name.rpartition("/")[2])


def test_the_app_is_reached_by_tls_only_and_published_to_by_token_only() -> None:
    found = resources({})
    app = one(found, "Microsoft.Web/sites").properties
    assert app["httpsOnly"] is True
    [identity] = one(found, "Microsoft.Web/sites").body["identity"]["userAssignedIdentities"]
    assert app["keyVaultReferenceIdentity"] == identity
    site = app["siteConfig"]
    assert (site["minTlsVersion"], site["scmMinTlsVersion"]) == ("1.2", "1.2")
    policies = of_type(found, "Microsoft.Web/sites/basicPublishingCredentialsPolicies")
    allowed = {each.name.rpartition("/")[2]: each.properties["allow"] for each in policies}
    assert allowed == {"scm": False}


def test_the_site_has_no_property_that_the_plan_refuses() -> None:
    # Error 51021 of its newer regions; older ones take no notice of them.
    refused = {
        "alwaysOn",
        "ftpsState",
        "functionAppScaleLimit",
        "functionsRuntimeScaleMonitoringEnabled",
        "linuxFxVersion",
        "netFrameworkVersion",
        "preWarmedInstanceCount",
        "pythonVersion",
        "use32BitWorkerProcess",
    }
    for variables in ENVIRONMENTS.values():
        site = one(resources(variables), "Microsoft.Web/sites").properties["siteConfig"]
        assert not site.keys() & refused


def test_the_plan_is_the_smallest_and_bounded() -> None:
    found = resources({})
    assert one(found, "Microsoft.Web/serverfarms").body["sku"]["tier"] == "FlexConsumption"
    config = one(found, "Microsoft.Web/sites").properties["functionAppConfig"]
    assert config["runtime"] == {"name": "python", "version": "3.13"}
    assert config["scaleAndConcurrency"]["instanceMemoryMB"] == 512
    assert config["scaleAndConcurrency"]["maximumInstanceCount"] == 40
    assert config["scaleAndConcurrency"]["alwaysReady"] == []


def test_with_a_network_storage_and_vault_are_reached_privately_and_by_nobody_else() -> None:
    found = resources(PRIVATE | TAKES_SECRETS)
    guarded = [*of_type(found, ACCOUNTS), one(found, "Microsoft.KeyVault/vaults")]
    for each in guarded:
        assert each.properties["publicNetworkAccess"] == "Disabled"
        assert each.properties["networkAcls"] == {"defaultAction": "Deny", "bypass": "None"}
    endpoints = {
        connection["properties"]["privateLinkServiceId"]: connection["properties"]["groupIds"]
        for each in of_type(found, "Microsoft.Network/privateEndpoints")
        for connection in each.properties["privateLinkServiceConnections"]
    }
    assert endpoints.keys() == {each.id for each in guarded}


def test_every_private_endpoint_is_found_by_name_in_the_network_that_the_app_is_in() -> None:
    found = resources(PRIVATE | TAKES_SECRETS)
    network = one(found, "Microsoft.Network/virtualNetworks")
    zones = {each.id for each in of_type(found, "Microsoft.Network/privateDnsZones")}
    links = of_type(found, "Microsoft.Network/privateDnsZones/virtualNetworkLinks")
    assert {each.id.partition("/virtualNetworkLinks")[0] for each in links} == zones
    assert {each.properties["virtualNetwork"]["id"] for each in links} == {network.id}
    groups = of_type(found, "Microsoft.Network/privateEndpoints/privateDnsZoneGroups")
    configured = [each.properties["privateDnsZoneConfigs"][0] for each in groups]
    assert {each["properties"]["privateDnsZoneId"] for each in configured} == zones
    for each in configured:
        of_group = {"vault": "vaultcore.azure.net"}.get(each["name"], f"{each['name']}.core.")
        assert f"/privatelink.{of_group}" in each["properties"]["privateDnsZoneId"]
    app = one(found, "Microsoft.Web/sites").properties["virtualNetworkSubnetId"]
    assert app.startswith(f"<{network.name}.")


def test_without_a_network_there_is_none_of_it() -> None:
    found = resources(TAKES_SECRETS)
    assert not [each.type for each in found if each.type.startswith("Microsoft.Network/")]
    assert one(found, "Microsoft.Web/sites").properties["virtualNetworkSubnetId"] is None


def test_who_calls_is_known_only_where_it_is_asked_for_and_webhooks_come_through() -> None:
    def authentication(variables: dict[str, str]) -> list[Resource]:
        found = of_type(resources(variables), "Microsoft.Web/sites/config")
        return [each for each in found if each.name.endswith("/authsettingsV2")]

    assert not authentication({})
    client = "00000000-0000-0000-0000-00000000dddd"
    [settings] = authentication({"CALLERS_CLIENT_ID": client})
    assert settings.properties["platform"]["enabled"] is True
    unauthenticated = settings.properties["globalValidation"]["unauthenticatedClientAction"]
    assert unauthenticated == "AllowAnonymous"
    entra = settings.properties["identityProviders"]["azureActiveDirectory"]
    assert client in entra["validation"]["allowedAudiences"]
    assert entra["registration"].keys() == {"clientId", "openIdIssuer"}  # no secret
