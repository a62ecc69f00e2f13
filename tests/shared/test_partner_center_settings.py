import pytest

from shared.errors import ConfigurationError
from shared.settings import PartnerCenterSettings

SECRET = "hunter2"
PRINCIPAL = {"PARTNER_CENTER_TENANT_ID": "t1", "PARTNER_CENTER_CLIENT_ID": "c1"}
BY_SECRET = {**PRINCIPAL, "PARTNER_CENTER_CLIENT_SECRET": SECRET}
WAYS = {
    "PARTNER_CENTER_CLIENT_SECRET": SECRET,
    "PARTNER_CENTER_CERTIFICATE": SECRET,
    "PARTNER_CENTER_CERTIFICATE_PATH": "certificate.pem",
    "PARTNER_CENTER_MANAGED_IDENTITY_CLIENT_ID": "m1",
}
ONE_WAY = f"{', '.join(WAYS)} exactly one of them must be set"
NO_URL = "PARTNER_CENTER_URL must be a scheme and a host, nothing more"
NO_TLS = "PARTNER_CENTER_URL must be https (http only for this machine's loopback)"


def read(environ: dict[str, str]) -> PartnerCenterSettings:
    return PartnerCenterSettings.from_env(environ)


def problems(environ: dict[str, str]) -> tuple[str, ...]:
    """Every problem, none of which repeats a secret."""
    with pytest.raises(ConfigurationError) as raised:
        read(environ)
    assert raised.value.part == "Partner Center"
    assert SECRET not in str(raised.value)
    return raised.value.problems


def test_url_and_scope_have_the_documented_defaults() -> None:
    found = read(BY_SECRET)
    assert found.url == "https://cloudpartner.azure.com"
    assert found.scope == "https://cloudpartner.azure.com/.default"
    assert (found.tenant_id, found.client_id, found.client_secret) == ("t1", "c1", SECRET)


def test_secrets_are_never_shown() -> None:
    assert SECRET not in repr(read(BY_SECRET))
    local = {"PARTNER_CENTER_URL": "http://localhost:1", "PARTNER_CENTER_STATIC_TOKEN": SECRET}
    assert SECRET not in repr(read(local))


@pytest.mark.parametrize("name", WAYS)
def test_any_one_way_to_authenticate_will_do(name: str) -> None:
    assert read({**PRINCIPAL, name: WAYS[name]})


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["PARTNER_CENTER_CLIENT_SECRET", "PARTNER_CENTER_CERTIFICATE_PATH"],
        ["PARTNER_CENTER_CLIENT_SECRET", "PARTNER_CENTER_MANAGED_IDENTITY_CLIENT_ID"],
        [*WAYS],
    ],
    ids=["none", "secret and certificate", "secret and identity", "all"],
)
def test_no_way_or_more_than_one_is_refused(names: list[str]) -> None:
    assert problems({**PRINCIPAL, **{name: WAYS[name] for name in names}}) == (ONE_WAY,)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    found = problems({"PARTNER_CENTER_URL": "http://partner.example"})
    assert [problem.split(": ")[0] for problem in found] == [
        NO_TLS,
        "PARTNER_CENTER_TENANT_ID is missing",
        "PARTNER_CENTER_CLIENT_ID is missing",
        ONE_WAY,
    ]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://partner.example", "https://partner.example"),
        ("https://partner.example/", "https://partner.example"),
        (" https://partner.example ", "https://partner.example"),
        ("https://partner.example:8443", "https://partner.example:8443"),
        ("https://10.0.0.1", "https://10.0.0.1"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.1", "http://127.0.0.1"),
        ("http://127.8.9.10:1/", "http://127.8.9.10:1"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
    ],
)
def test_a_url_is_a_scheme_and_a_host(given: str, kept: str) -> None:
    assert read({**BY_SECRET, "PARTNER_CENTER_URL": given}).url == kept


NO_URLS = [
    "cloudpartner.azure.com",
    "//cloudpartner.azure.com",
    "https://",
    "https:///api",
    "https://partner.example/api",
    "https://partner.example?x=1",
    "https://partner.example#x",
    f"https://user:{SECRET}@partner.example",
    "https://@partner.example",
    "https://partner.example:",
    "https://partner.example:0",
    "https://partner.example:99999",
    "https://partner.example:http",
    "https://[::1",
    "https://partner.ex\tample",
    "https://partner.ex\nample",
    "https://partner example",
    "https://partner.example\\@evil.example",
    "https://partner\u3002example",
    "https://p\u00e4rtner.example",
    "https://partner%2eexample",
    "https://*",
    "https://.",
]


@pytest.mark.parametrize("url", NO_URLS, ids=repr)
def test_anything_more_or_less_is_refused(url: str) -> None:
    assert problems({**BY_SECRET, "PARTNER_CENTER_URL": url}) == (NO_URL,)


@pytest.mark.parametrize(
    "url",
    [
        "http://cloudpartner.azure.com",
        "http://10.0.0.1",
        "http://0.0.0.0:8080",
        "http://localhost.example",
        "http://127.0.0.1.example",
        "http://[2001:db8::1]",
        "ftp://localhost",
        "file://localhost",
    ],
)
def test_no_tls_goes_with_loopback_only(url: str) -> None:
    assert problems({**BY_SECRET, "PARTNER_CENTER_URL": url}) == (NO_TLS,)


@pytest.mark.parametrize("url", ["http://localhost:1", "https://127.0.0.1", "http://[::1]:1"])
def test_a_static_token_needs_nothing_else_on_loopback(url: str) -> None:
    found = read({"PARTNER_CENTER_URL": url, "PARTNER_CENTER_STATIC_TOKEN": SECRET})
    assert found.static_token == SECRET


@pytest.mark.parametrize(
    "url", ["", "https://partner.example", "https://localhost.example", "https://128.0.0.1"]
)
def test_a_static_token_goes_nowhere_else(url: str) -> None:
    found = problems({"PARTNER_CENTER_URL": url, "PARTNER_CENTER_STATIC_TOKEN": SECRET})
    assert found == ("PARTNER_CENTER_STATIC_TOKEN only goes with a loopback PARTNER_CENTER_URL",)
