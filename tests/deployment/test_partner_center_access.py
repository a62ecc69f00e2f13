"""The script that makes the application for Partner Center, with an ``az`` that writes down."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.deployment.cloud import Cloud, cloud_in
from tests.deployment.templates import (
    INFRA,
    PARAMETERS,
    resources,
    settings_of,
    template,
    variable_of,
)

SCRIPT = INFRA / "scripts/partner-center-access.sh"
HOME, PARTNER, IDENTITY = "tenant-home", "tenant-partner", "identity-1"
PROVISIONED = {
    "AZURE_ENV_NAME": "contoso",
    "OFFER_CANCEL_TENANT_ID": HOME,
    "OFFER_CANCEL_IDENTITY_OBJECT_ID": IDENTITY,
    "OFFER_CANCEL_VAULT": "kv-1",
    "AZURE_SUBSCRIPTION_ID": "sub-1",
}


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    return cloud_in(tmp_path, SCRIPT, tenant=HOME, apps={}, vault={}, azd=PROVISIONED)


def test_the_identity_becomes_the_applications_federated_credential(cloud: Cloud) -> None:
    done = cloud.run()
    assert done.returncode == 0, done.stderr
    [(client_id, app)] = cloud.known["apps"].items()
    assert (app["name"], app["audience"]) == ("offer-cancel-contoso", "AzureADMyOrg")
    assert app["principal"]
    [federated] = app["federated"]
    assert federated["issuer"] == f"https://login.microsoftonline.com/{HOME}/v2.0"
    assert (federated["subject"], federated["audiences"]) == (
        IDENTITY,
        ["api://AzureADTokenExchange"],
    )
    assert app["credentials"] == 0
    assert cloud.known["vault"] == {}
    assert cloud.known["azd"].items() >= {
        ("PARTNER_CENTER_CLIENT_ID", client_id),
        ("PARTNER_CENTER_TENANT_ID", HOME),
        ("PARTNER_CENTER_CREDENTIAL", "managed-identity"),
    }
    assert "Microsoft Entra applications" in done.stdout
    assert "adminconsent" not in done.stdout  # the tenant knows it already
    assert "shared.operate check --deployed --again\n" in done.stdout


def test_what_it_makes_is_what_the_templates_take_and_what_it_takes_they_tell() -> None:
    taken = {variable_of(name) for name in PARAMETERS}
    script = SCRIPT.read_text()
    for name in ("CLIENT_ID", "TENANT_ID", "CREDENTIAL"):
        assert f"tell_azd PARTNER_CENTER_{name} " in script
        assert f"PARTNER_CENTER_{name}" in taken
    azds_own = {"AZURE_ENV_NAME", "AZURE_SUBSCRIPTION_ID"}
    assert PROVISIONED.keys() - azds_own <= template({}).outputs().keys()


@pytest.mark.parametrize("credential", ["managed-identity", "certificate", "secret"])
def test_run_again_it_changes_nothing(cloud: Cloud, credential: str) -> None:
    assert cloud.run("--credential", credential).returncode == 0
    changes, known = cloud.changes(), cloud.known
    again = cloud.run("--credential", credential)
    assert again.returncode == 0, again.stderr
    assert (cloud.changes(), cloud.known) == (changes, known)
    assert again.stdout.endswith("shared.operate check --deployed --again\n")


def test_a_federated_credential_for_another_audience_is_made_right(cloud: Cloud) -> None:
    assert cloud.run().returncode == 0
    known = cloud.known["apps"]
    [right] = known["client-1"]["federated"]
    wrong = {**right, "name": "by-hand", "audiences": ["api://elsewhere"]}
    cloud.knows(apps={"client-1": {**known["client-1"], "federated": [wrong]}})
    done = cloud.run()
    assert done.returncode == 0, done.stderr
    assert cloud.known["apps"]["client-1"]["federated"] == [{**right, "name": "by-hand"}]


def test_a_new_identity_is_added_beside_the_old_one(cloud: Cloud) -> None:
    assert cloud.run().returncode == 0
    assert cloud.run("--identity", "identity-2").returncode == 0
    [app] = cloud.known["apps"].values()
    assert [each["subject"] for each in app["federated"]] == [IDENTITY, "identity-2"]


def test_another_tenants_partner_center_gets_a_link_to_consent(cloud: Cloud) -> None:
    done = cloud.run("--partner-center-tenant", PARTNER)
    assert done.returncode == 0, done.stderr
    [(client_id, app)] = cloud.known["apps"].items()
    assert app["audience"] == "AzureADMultipleOrgs"
    link = f"https://login.microsoftonline.com/{PARTNER}/adminconsent?client_id={client_id}"
    assert link in done.stdout
    assert f"az login --tenant {PARTNER} --allow-no-subscriptions" in done.stdout
    back = done.stdout.partition("az ad sp create")[2]
    # Who signs in has some subscription of that tenant, and azd and az must mean the same one.
    assert f"az login --tenant {HOME}\n    az account set --subscription sub-1\n" in back
    # The assertion still comes from the tenant that the identity is in.
    assert f"/{HOME}/" in app["federated"][0]["issuer"]
    assert cloud.known["azd"]["PARTNER_CENTER_TENANT_ID"] == PARTNER


def test_a_secret_goes_into_the_vault_and_is_neither_shown_nor_an_argument(cloud: Cloud) -> None:
    done = cloud.run("--credential", "secret")
    assert done.returncode == 0, done.stderr
    assert cloud.known["vault"] == {"partner-center-secret": "s3cret of the application"}
    assert "s3cret" not in done.stdout + done.stderr
    assert "s3cret" not in json.dumps(cloud.calls)


def test_a_certificate_is_made_in_the_vault_and_never_leaves_it(cloud: Cloud) -> None:
    done = cloud.run("--credential", "certificate")
    assert done.returncode == 0, done.stderr
    assert cloud.known["vault"] == {"partner-center": "certificate"}
    assert "s3cret" not in done.stdout + done.stderr
    [made] = [call for call in cloud.calls if call[1:4] == ["keyvault", "certificate", "create"]]
    policy = json.loads(made[made.index("--policy") + 1])
    # Renewed by Key Vault alone it would be one that the application does not know.
    assert [each["action"]["actionType"] for each in policy["lifetimeActions"]] == ["EmailContacts"]
    assert policy["secretProperties"]["contentType"] == "application/x-pkcs12"


@pytest.mark.parametrize("credential", ["certificate", "secret"])
def test_renewing_puts_a_new_one_beside_the_old(cloud: Cloud, credential: str) -> None:
    for options in ([], ["--renew"]):
        assert cloud.run("--credential", credential, *options).returncode == 0
    [app] = cloud.known["apps"].values()
    assert app["credentials"] == 2
    resets = [call for call in cloud.calls if "reset" in call]
    assert all("--append" in call for call in resets)


@pytest.mark.parametrize("credential", ["certificate", "secret"])
def test_names_in_the_vault_are_those_that_the_settings_refer_to(
    cloud: Cloud, credential: str
) -> None:
    assert cloud.run("--credential", credential).returncode == 0
    values = settings_of(resources({"PARTNER_CENTER_CREDENTIAL": credential})).values()
    [name] = cloud.known["vault"]
    assert any(value.endswith(f";SecretName={name})") for value in values)


@pytest.mark.parametrize(
    ("known", "options", "said"),
    [
        ({"tenant": PARTNER}, [], f"az login --tenant {HOME}"),
        ({"tenant": None}, [], f"az login --tenant {HOME}"),
        ({"azd": {}}, [], "no tenant: run azd provision first"),
        ({"azd": {"OFFER_CANCEL_TENANT_ID": HOME}}, [], "no identity: run azd provision first"),
        (
            {"azd": {"OFFER_CANCEL_TENANT_ID": HOME}},
            ["--credential", "secret"],
            "no Key Vault: azd env set PARTNER_CENTER_CREDENTIAL secret",
        ),
        ({}, ["--credential", "password"], "must be managed-identity, certificate or secret"),
        ({}, ["--client-id", "client-9"], "has no application client-9"),
        ({}, ["--tenant"], "--tenant is unknown, or needs a value"),
        ({}, ["--frobnicate", "x"], "--frobnicate is unknown"),
        ({}, ["now"], "what is now?"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_changed(
    cloud: Cloud, known: dict[str, Any], options: list[str], said: str
) -> None:
    cloud.knows(**known)
    done = cloud.run(*options)
    assert done.returncode == 1
    assert said in done.stderr
    assert not cloud.changes()


def test_an_application_that_no_other_tenant_can_know_is_refused_with_the_remedy(
    cloud: Cloud,
) -> None:
    assert cloud.run().returncode == 0
    changes = cloud.changes()
    done = cloud.run("--partner-center-tenant", PARTNER)
    assert done.returncode == 1
    assert "az ad app update --id client-1 --sign-in-audience AzureADMultipleOrgs" in done.stderr
    assert cloud.changes() == changes


def test_applications_of_one_name_are_not_guessed_among(cloud: Cloud) -> None:
    app = {"name": "it's", "audience": "AzureADMyOrg", "federated": [], "principal": True}
    cloud.knows(apps={"client-1": app, "client-2": app})
    done = cloud.run("--name", "it's")
    assert done.returncode == 1
    assert "several applications are called it's" in done.stderr
    assert not cloud.changes()


@pytest.mark.parametrize(
    "step",
    [
        "az ad app list",
        "az ad app create",
        "az ad sp list",
        "az ad sp create",
        "az ad app federated-credential list",
        "az ad app federated-credential create",
    ],
)
def test_a_step_that_fails_ends_it_and_running_it_again_ends_well(cloud: Cloud, step: str) -> None:
    cloud.knows(fails=step)
    failed = cloud.run()
    assert failed.returncode != 0
    assert "What is left to do" not in failed.stdout
    assert "PARTNER_CENTER_CLIENT_ID" not in cloud.known["azd"]
    cloud.knows(fails=None)
    assert cloud.run().returncode == 0
    [app] = cloud.known["apps"].values()
    assert (len(app["federated"]), app["principal"]) == (1, True)


def test_a_certificate_that_the_application_was_not_given_is_not_taken_for_one(
    cloud: Cloud,
) -> None:
    cloud.knows(fails="az ad app credential reset")
    failed = cloud.run("--credential", "certificate")
    assert (failed.returncode, "run this again with --renew" in failed.stderr) == (1, True)
    cloud.knows(fails=None)
    assert cloud.run("--credential", "certificate", "--renew").returncode == 0
    [app] = cloud.known["apps"].values()
    assert app["credentials"] == 1


def test_without_azd_it_says_what_to_set(cloud: Cloud) -> None:
    done = cloud.run("--no-azd", "--tenant", HOME, "--identity", IDENTITY, "--name", "mine")
    assert done.returncode == 0, done.stderr
    assert "azd env set PARTNER_CENTER_CLIENT_ID client-1" in done.stdout
    assert not [call for call in cloud.calls if call[0] == "azd"]


def test_without_the_azure_cli_it_says_so(cloud: Cloud) -> None:
    (cloud.folder / "az").unlink()
    done = cloud.run()
    assert (done.returncode, "Azure CLI is missing" in done.stderr) == (1, True)
    assert not cloud.calls


def test_help_says_every_option(cloud: Cloud) -> None:
    told = cloud.run("--help").stdout
    options = ("credential", "name", "client-id", "tenant", "identity", "vault", "renew", "no-azd")
    assert all(f"  --{option}" in told for option in (*options, "partner-center-tenant"))
    assert not cloud.calls
