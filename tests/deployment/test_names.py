"""Names stay within Azure's limits for any environment, and environments never meet."""

import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.deployment.bicep.deployment import Resource
from tests.deployment.bicep.syntax import BicepError
from tests.deployment.templates import ENVIRONMENTS, resources, template

# What azd takes for an environment's name.
NAMES = st.text(string.ascii_letters + string.digits + "-()_.", min_size=1, max_size=64)
_IN_STORAGE = r"(?!.*--)[a-z0-9][-a-z0-9]{1,61}[a-z0-9]"
# learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
RULES = {
    "Microsoft.Resources/resourceGroups": r"[-\w.()]{0,89}[-\w()]",
    "Microsoft.ManagedIdentity/userAssignedIdentities": r"[a-zA-Z0-9][-\w]{2,127}",
    "Microsoft.OperationalInsights/workspaces": r"[a-zA-Z0-9][-a-zA-Z0-9]{2,61}[a-zA-Z0-9]",
    "Microsoft.Insights/components": r"[^%&\\?/]{0,254}[^%&\\?/ .]",
    "Microsoft.Insights/actionGroups": r"[^:<>+/&%\\?|]{0,259}[^:<>+/&%\\?| .]",
    "Microsoft.Insights/scheduledQueryRules": r"[^*<>%{}&:\\?/#|]{0,259}[^*<>%{}&:\\?/#| .]",
    "Microsoft.Insights/workbooks": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "Microsoft.Storage/storageAccounts": r"[a-z0-9]{3,24}",
    "Microsoft.Storage/storageAccounts/blobServices/containers": _IN_STORAGE,
    "Microsoft.Storage/storageAccounts/queueServices/queues": _IN_STORAGE,
    "Microsoft.Storage/storageAccounts/tableServices/tables": r"[a-zA-Z][a-zA-Z0-9]{2,62}",
    "Microsoft.KeyVault/vaults": r"(?!.*--)[a-zA-Z][-a-zA-Z0-9]{1,22}[a-zA-Z0-9]",
    "Microsoft.Communication/communicationServices": r"[a-zA-Z0-9][-a-zA-Z0-9]{0,62}",
    "Microsoft.Communication/emailServices": r"[a-zA-Z0-9][-a-zA-Z0-9]{0,62}",
    "Microsoft.Web/serverfarms": r"[a-zA-Z0-9][-a-zA-Z0-9]{0,59}",
    # The host takes the first 32 characters for its id, and keeps keys and leases by it.
    "Microsoft.Web/sites": r"[a-zA-Z0-9][-a-zA-Z0-9]{1,30}[a-zA-Z0-9]",
    "Microsoft.Network/virtualNetworks": r"[a-zA-Z0-9][-\w.]{0,62}\w",
    "Microsoft.Network/privateEndpoints": r"[a-zA-Z0-9][-\w.]{0,62}\w",
    "Microsoft.Authorization/roleAssignments": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "Microsoft.Authorization/roleDefinitions": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
}
# Two of these in the whole of Azure cannot have one name.
GLOBAL = {
    "Microsoft.Storage/storageAccounts",
    "Microsoft.KeyVault/vaults",
    "Microsoft.Communication/communicationServices",
    "Microsoft.Web/sites",
}


def own_name(resource: Resource) -> str:
    return resource.name.rpartition("/")[2]


def identities(name: str, **azure: str) -> set[str]:
    """What must differ between environments: ids, and names that all of Azure shares."""
    found = template({"AZURE_ENV_NAME": name}, **azure).resources()
    shared = {each.name for each in found if each.type in GLOBAL}
    return shared | {each.id.lower() for each in found}


@settings(max_examples=60, deadline=None)
@given(name=NAMES, environment=st.sampled_from(sorted(ENVIRONMENTS)))
def test_every_name_is_one_that_azure_takes(name: str, environment: str) -> None:
    for each in resources({**ENVIRONMENTS[environment], "AZURE_ENV_NAME": name}):
        rule = RULES.get(each.type)
        assert not rule or re.fullmatch(rule, own_name(each), re.ASCII), (each.type, each.name)


def test_there_is_a_rule_for_every_type_whose_names_are_ours() -> None:
    fixed = {"default", "appsettings", "authsettingsV2", "scm"}
    found = [each for variables in ENVIRONMENTS.values() for each in resources(variables)]
    without = {
        each.type for each in found if each.type not in RULES and own_name(each) not in fixed
    }
    assert without == {
        "Microsoft.Communication/emailServices/domains",  # a domain, or Azure's word for its own
        "Microsoft.Communication/emailServices/domains/senderUsernames",
        "Microsoft.Network/privateDnsZones",
        "Microsoft.Network/privateDnsZones/virtualNetworkLinks",  # as the network
    }


@settings(max_examples=60, deadline=None)
@given(first=NAMES, second=NAMES)
def test_environments_of_one_subscription_share_nothing(first: str, second: str) -> None:
    if first.lower() == second.lower():  # Azure does not tell them apart, so they are one
        assert identities(first) == identities(second)
    else:
        assert not identities(first) & identities(second)


def test_one_region_is_one_however_it_is_spelled() -> None:
    spelled = {
        name: template({"AZURE_LOCATION": name}).outputs()["OFFER_CANCEL_APP"]
        for name in ("westeurope", "West Europe", "northeurope")
    }
    assert spelled["westeurope"] == spelled["West Europe"] != spelled["northeurope"]


def test_tenants_share_nothing_though_their_environments_have_one_name() -> None:
    other = "/subscriptions/00000000-0000-0000-0000-00000000ffff"
    elsewhere = identities("prod", scope=other, subscription=other)
    assert not identities("prod") & elsewhere


@pytest.mark.parametrize("name", ["", "x" * 65])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(BicepError, match="environmentName"):
        resources({"AZURE_ENV_NAME": name})
