"""What Azure says of a whole deployment: as the templates make it, with all its functions."""

from typing import Any

from tests.deployment.bicep.deployment import SUBSCRIPTION, TENANT, Resource
from tests.deployment.templates import INFRA, ROOT, of_type, resources
from tests.deployment.test_roles import ASSIGNMENT, CUSTOM_MAIL, assignments

PROBE = INFRA / "scripts/probe.sh"
FUNCTIONS = sorted(path.parent.name for path in ROOT.glob("*/function.json"))
IDENTITY, CLIENT, KEY = "identity-1", "client-1", "k3y-of-the-app"
MAIL_ROLE = "mail-role"
FEDERATED = {
    "name": "ours",
    "subject": IDENTITY,
    "issuer": f"https://login.microsoftonline.com/{TENANT}/v2.0",
    "audiences": ["api://AzureADTokenExchange"],
}


def deployed(variables: dict[str, str], url: str) -> dict[str, Any]:
    """What Azure says of an environment that is as the templates make it."""
    found = resources(variables)
    made = [each for each in found if each.type.count("/") == 1]
    return {
        "tenant": TENANT,
        "key": KEY,
        "tokens": {},
        "functions": [FUNCTIONS],
        "resources": [each.id for each in made if "Microsoft.Authorization" not in each.type],
        "roles": {IDENTITY: roles_in(found)},
        "definitions": [[MAIL_ROLE, f"{CUSTOM_MAIL} 1a2b"]],
        "rest": {"config/configreferences/appsettings": [], "hostruntime/admin/host/status": []},
        "linked": ["the domain"],
        "apps": {CLIENT: {"federated": [FEDERATED]}},
        "azd": {
            "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION.rpartition("/")[2],
            "OFFER_CANCEL_APP": "app-1",
            "OFFER_CANCEL_RESOURCE_GROUP": "offer-cancel-contoso-rg",
            "OFFER_CANCEL_IDENTITY_OBJECT_ID": IDENTITY,
            "OFFER_CANCEL_URL": url,
            "PARTNER_CENTER_CLIENT_ID": CLIENT,
            **variables,
        },
    }


def roles_in(found: list[Resource]) -> list[list[str]]:
    """Role, scope, kind of principal and id of each assignment of the app's identity.

    Of a role that is made for the resource group Azure CLI knows the id only.
    """
    own = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{MAIL_ROLE.upper()}"
    return [
        [own if role == CUSTOM_MAIL else role, scope.upper(), "ServicePrincipal", at.id]
        for at, (role, scope, who) in zip(
            of_type(found, ASSIGNMENT), assignments(found), strict=True
        )
        if who.endswith(".principalId>")
    ]
