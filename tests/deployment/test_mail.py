"""Mail comes from a domain that may send, all the way from Azure's own to the tenant's."""

import pytest

from tests.deployment.templates import of_type, resources, settings_of

OWN = {"MAIL_DOMAIN": "contoso.example"}
VERIFIED = {**OWN, "MAIL_DOMAIN_IS_VERIFIED": "true"}
DOMAINS = "Microsoft.Communication/emailServices/domains"


def sent_from(variables: dict[str, str]) -> tuple[list[str], str]:
    """The domains that are linked, and the sender's name before the @."""
    found = resources(variables)
    [service] = of_type(found, "Microsoft.Communication/communicationServices")
    linked = [each.rpartition("/")[2] for each in service.properties["linkedDomains"]]
    made = {each.id for each in of_type(found, DOMAINS)}
    assert {*service.properties["linkedDomains"]} <= made
    return linked, settings_of(found)["NOTIFICATION_SENDER"]


@pytest.mark.parametrize("variables", [{}, OWN], ids=["no domain", "not verified"])
def test_mails_come_from_azures_domain_until_ones_own_may_send(variables: dict[str, str]) -> None:
    linked, sender = sent_from(variables)
    assert linked == ["AzureManagedDomain"]
    assert sender.startswith("DoNotReply@<")
    assert "/AzureManagedDomain.mailFromSenderDomain>" in sender.replace(".properties", "")


def test_ones_own_domain_is_made_to_be_verified_and_then_sends() -> None:
    made = {each.name.rpartition("/")[2] for each in of_type(resources(OWN), DOMAINS)}
    assert made == {"AzureManagedDomain", "contoso.example"}
    linked, sender = sent_from(VERIFIED)
    assert linked == ["contoso.example"]
    assert sender.startswith("DoNotReply@<")
    assert "contoso.example" in sender


def test_no_sender_is_made_that_azure_refuses_before_the_quota_is_raised() -> None:
    senders = f"{DOMAINS}/senderUsernames"
    named = {"MAIL_SENDER_NAME": "Cancel"}
    for variables in ({}, OWN, VERIFIED, named, {**OWN, **named}):
        assert not of_type(resources(variables), senders)
        assert sent_from(variables)[1].startswith("DoNotReply@")
    [made] = of_type(resources({**VERIFIED, **named}), senders)
    assert made.name.endswith("/contoso.example/cancel")
    assert made.properties["username"] == "Cancel"
    assert sent_from({**VERIFIED, **named})[1].startswith("Cancel@")
