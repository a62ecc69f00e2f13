"""Which settings make Azure Communication Services mail in place of a mail server."""

import pytest

from shared.errors import ConfigurationError
from shared.notification.acs_resource import AcsResource
from shared.notification.quota import Quota
from shared.settings import MailSettings

SECRET = "hunter2"
ENDPOINT = "https://contoso.unitedstates.communication.azure.com"
ACS = {"NOTIFICATION_SENDER": "cancel@Contoso.com", "NOTIFICATION_ACS_ENDPOINT": ENDPOINT}


def acs(**changes: str) -> AcsResource:
    found = MailSettings.from_env({**ACS, **changes})
    assert found.smtp is None
    assert found.acs
    return found.acs


def problems(**changes: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as raised:
        MailSettings.from_env({**ACS, **changes})
    assert SECRET not in str(raised.value)
    return raised.value.problems


def test_an_endpoint_is_all_that_it_takes() -> None:
    assert acs() == AcsResource(endpoint=ENDPOINT, client_id="", quota=Quota(30, 100))


def test_a_user_assigned_identity_is_named_by_its_client_id() -> None:
    assert acs(NOTIFICATION_ACS_CLIENT_ID=" c1 ").client_id == "c1"


@pytest.mark.parametrize(
    ("sender", "given", "quota"),
    [
        ("cancel@contoso.com", "", Quota(30, 100)),
        ("cancel@azurecomm.net.example.com", "", Quota(30, 100)),
        ("DoNotReply@6f3b.AzureComm.net", "", Quota(5, 10)),
        ("cancel@contoso.com", "200/2000", Quota(200, 2000)),
        ("DoNotReply@6f3b.azurecomm.net", "2/3", Quota(2, 3)),
    ],
)
def test_the_quota_is_that_of_the_senders_domain_unless_another_is_set(
    sender: str, given: str, quota: Quota
) -> None:
    assert acs(NOTIFICATION_SENDER=sender, NOTIFICATION_ACS_QUOTA=given).quota == quota


def test_a_mail_server_and_communication_services_exclude_each_other() -> None:
    smtp = {"NOTIFICATION_SMTP_URL": f"smtp://user:{SECRET}@mail.example.com"}
    assert problems(**smtp) == (
        "NOTIFICATION_SMTP_URL, NOTIFICATION_ACS_ENDPOINT exactly one of them must be set",
    )


def test_every_problem_is_said_at_once_and_none_shows_a_key() -> None:
    found = problems(
        NOTIFICATION_ACS_ENDPOINT=f"endpoint={ENDPOINT}/;accesskey={SECRET}",
        NOTIFICATION_ACS_QUOTA="many",
        NOTIFICATION_SENDER="",
    )
    assert [problem.split()[0] for problem in found] == [
        "NOTIFICATION_SENDER",
        "NOTIFICATION_ACS_ENDPOINT",
        "NOTIFICATION_ACS_QUOTA",
    ]
