"""Which hosts may be given a token that mails in the publisher's name."""

import pytest

from shared.notification.acs_resource import AcsResource, parse_acs_endpoint

RESOURCE = "https://contoso.communication.azure.com"


@pytest.mark.parametrize(
    ("given", "endpoint"),
    [
        (RESOURCE, RESOURCE),
        ("https://Contoso.Communication.azure.com/", RESOURCE),
        (
            "https://a-1.europe.communication.azure.com",
            "https://a-1.europe.communication.azure.com",
        ),
        ("http://127.0.0.1:7090/", "http://127.0.0.1:7090"),
        ("http://localhost:1", "http://localhost:1"),
        ("http://[::1]:7090", "http://[::1]:7090"),
    ],
)
def test_an_endpoint_is_azures_or_on_this_machine(given: str, endpoint: str) -> None:
    assert parse_acs_endpoint(given) == endpoint


@pytest.mark.parametrize(
    "text",
    [
        "contoso.communication.azure.com",
        "http://contoso.communication.azure.com",
        "https://communication.azure.com",
        "https://contoso.communication.azure.com.example.com",
        "https://contosocommunication.azure.com",
        "https://evil.example.com/contoso.communication.azure.com",
        "https://evil.example.com#.communication.azure.com",
        "https://contoso.communication.azure.com:8443",
        "https://hunter2@contoso.communication.azure.com",
        "https://contoso.communication.azure.com/?accesskey=hunter2",
        "endpoint=https://contoso.communication.azure.com/;accesskey=hunter2",
        "https://-a.communication.azure.com",
        "https://[::1]",
        "https://[::1",
        "http://127.0.0.1:99999",
        "ftp://127.0.0.1",
        "http://10.0.0.1",
        "/",
    ],
)
def test_nothing_else_is_given_a_token_and_no_key_is_shown(text: str) -> None:
    with pytest.raises(ValueError, match="resource>") as raised:
        parse_acs_endpoint(text)
    assert "hunter2" not in str(raised.value)


def test_only_this_machine_may_be_talked_to_in_plain() -> None:
    assert AcsResource(endpoint="http://127.0.0.1:1").is_loopback
    assert not AcsResource(endpoint=RESOURCE).is_loopback
