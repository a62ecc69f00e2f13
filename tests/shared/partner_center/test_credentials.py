import base64
import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.core.exceptions import ServiceRequestError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509.oid import NameOID

from shared.errors import NotSentError
from shared.partner_center.credentials import StaticTokens, Tokens, tokens_for
from shared.settings import PartnerCenterSettings
from tests.e2e.clean_logs import CLIENT_SECRET as SECRET
from tests.shared.partner_center.entra import METADATA, Entra, Reply

TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT = "66666666-7777-8888-9999-aaaaaaaaaaaa"
IDENTITY = "bbbbbbbb-cccc-dddd-eeee-ffffffffffff"
SCOPE = "https://cloudpartner.azure.com/.default"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
REFUSED = Reply(
    {
        "error": "invalid_client",
        "error_description": "AADSTS7000215: Invalid client secret provided.\r\nTrace ID: 1",
        "error_codes": [7000215],
    },
    status=401,
)


@pytest.fixture(autouse=True)
def _no_identity_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT", "MSI_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("AZURE_AUTHORITY_HOST", raising=False)


def settings(**way: str) -> PartnerCenterSettings:
    return PartnerCenterSettings(tenant_id=TENANT, client_id=CLIENT, **way)


def by_secret(entra: Entra, clock: Callable[[], float] = monotonic) -> Tokens:
    return tokens_for(settings(client_secret=SECRET), clock, transport=entra)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of our own with its key, in one PEM file."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "offer-cancel")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("certificate") / "certificate.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


def test_a_client_secret_is_sent_to_entra_for_the_scope_and_nowhere_else() -> None:
    entra = Entra()
    assert by_secret(entra).current() == "token 1"
    asked = entra.tokens[0]
    assert (asked["client_id"], asked["client_secret"]) == (CLIENT, SECRET)
    assert (asked["grant_type"], asked["scope"]) == ("client_credentials", SCOPE)
    assert entra.hosts == {"login.microsoftonline.com"}


def test_another_scope_is_asked_for_where_one_is_set() -> None:
    entra = Entra()
    other = PartnerCenterSettings(
        tenant_id=TENANT, client_id=CLIENT, client_secret=SECRET, scope="api://other/.default"
    )
    tokens_for(other, transport=entra).current()
    assert entra.tokens[0]["scope"] == "api://other/.default"


def test_a_certificate_signs_an_assertion_and_its_key_stays_here(certificate: Path) -> None:
    entra = Entra()
    tokens = tokens_for(settings(certificate_path=str(certificate)), transport=entra)
    assert tokens.current() == "token 1"
    asked = entra.tokens[0]
    assert asked["client_assertion_type"] == ASSERTION_TYPE
    claims = claims_of(asked["client_assertion"])
    assert (claims["iss"], claims["sub"]) == (CLIENT, CLIENT)
    assert TENANT in claims["aud"]
    assert "client_secret" not in asked
    assert "PRIVATE KEY" not in str(asked)


@pytest.mark.parametrize("form", ["PEM", "PKCS#12 in Base64"])
def test_a_certificate_may_be_in_the_setting_as_key_vault_gives_it(
    form: str, certificate: Path
) -> None:
    pem = certificate.read_bytes()
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    pkcs12 = serialize_key_and_certificates(
        None, key, x509.load_pem_x509_certificate(pem), None, serialization.NoEncryption()
    )
    text = pem.decode() if form == "PEM" else base64.b64encode(pkcs12).decode()
    entra = Entra()
    found = settings(certificate=text)
    assert tokens_for(found, transport=entra).current() == "token 1"
    assert claims_of(entra.tokens[0]["client_assertion"])["iss"] == CLIENT
    assert text not in repr(found)


@pytest.mark.parametrize("text", ["no Base64!", "bm8gUEtDUzEy", "-----BEGIN nothing"])
def test_a_certificate_in_the_setting_that_is_none_means_that_nothing_was_sent(text: str) -> None:
    with pytest.raises(NotSentError, match="no token for Partner Center") as raised:
        tokens_for(settings(certificate=text), transport=Entra()).current()
    assert text not in str(raised.value)


def claims_of(assertion: str | bytes) -> dict[str, Any]:
    text = assertion.decode() if isinstance(assertion, bytes) else assertion
    payload = text.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert isinstance(claims, dict)
    return claims


def test_a_managed_identity_is_a_federated_credential_without_any_secret() -> None:
    entra = Entra()
    tokens = tokens_for(settings(managed_identity_client_id=IDENTITY), transport=entra)
    assert tokens.current() == "token 1"
    endpoint = urlsplit(entra.identity[0].url)
    query = parse_qs(endpoint.query)
    assert endpoint.hostname == METADATA
    assert (query["resource"], query["client_id"]) == (["api://AzureADTokenExchange"], [IDENTITY])
    asked = entra.tokens[0]
    assert (asked["client_id"], asked["client_assertion"]) == (CLIENT, "assertion")
    assert (asked["client_assertion_type"], asked["scope"]) == (ASSERTION_TYPE, SCOPE)
    assert "client_secret" not in asked


def test_a_managed_identity_of_an_app_is_asked_at_the_apps_own_endpoint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", "http://169.254.130.2:8081/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "header of the app")
    entra = Entra()
    tokens = tokens_for(settings(managed_identity_client_id=IDENTITY), transport=entra)
    assert tokens.current() == "token 1"
    asked = entra.identity[0]
    assert asked.url.startswith("http://169.254.130.2:8081/msi/token?")
    assert asked.headers["X-IDENTITY-HEADER"] == "header of the app"
    assert IDENTITY in asked.url
    assert entra.tokens[0]["client_assertion"] == "assertion"


def test_nothing_is_asked_before_the_first_use_and_once_after_it() -> None:
    entra = Entra()
    tokens = by_secret(entra)
    assert not entra.hosts
    assert [tokens.current() for _ in range(3)] == ["token 1"] * 3
    assert len(entra.tokens) == 1


def test_a_refused_token_is_renewed_and_then_the_current_one() -> None:
    now = [0.0]
    tokens = by_secret(Entra(), lambda: now[0])
    assert tokens.current() == "token 1"
    now[0] = 60.0
    assert (tokens.renewed("token 1"), tokens.current()) == ("token 2", "token 2")


def test_a_token_that_another_thread_has_renewed_is_not_renewed_again() -> None:
    now = [0.0]
    tokens = by_secret(Entra(), lambda: now[0])
    tokens.current()
    now[0] = 60.0
    assert [tokens.renewed("token 1") for _ in range(3)] == ["token 2"] * 3


def test_a_new_token_that_is_refused_is_not_renewed_but_forgotten() -> None:
    now = [0.0]
    tokens = by_secret(Entra(), lambda: now[0])
    tokens.current()
    now[0] = 59.9
    assert tokens.renewed("token 1") is None
    assert tokens.current() == "token 2"


def test_threads_share_one_token() -> None:
    entra = Entra()
    tokens = by_secret(entra)
    assert tokens.current() == "token 1"  # threads that come first may each ask
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(lambda _: tokens.current(), range(16)))
    assert found == {"token 1"}


def test_a_refused_secret_is_told_in_entras_words_without_the_secret() -> None:
    with pytest.raises(NotSentError) as raised:
        by_secret(Entra(trouble=REFUSED)).current()
    assert "AADSTS7000215" in str(raised.value)
    assert str(raised.value).startswith("no token for Partner Center: ")
    assert len(str(raised.value).splitlines()) == 1
    assert SECRET not in str(raised.value)
    assert raised.value.status_code is None


@pytest.mark.parametrize(
    "trouble",
    [
        ServiceRequestError("name or service not known"),
        Reply({}, status=404),
        Reply({"access_token": None}),
        Reply({"error": "temporarily_unavailable", "error_description": ""}, status=400),
    ],
    ids=["no connection", "no answer of Entra", "no token", "no words"],
)
def test_every_other_trouble_of_entra_means_that_nothing_was_sent(
    trouble: Reply | Exception,
) -> None:
    with pytest.raises(NotSentError, match=r"\Ano token for Partner Center: .") as raised:
        by_secret(Entra(trouble=trouble)).current()
    assert SECRET not in str(raised.value)


def test_trouble_passes_and_the_next_call_has_a_token() -> None:
    entra = Entra(trouble=REFUSED)
    tokens = by_secret(entra)
    with pytest.raises(NotSentError):
        tokens.current()
    entra.trouble = None
    assert tokens.current() == f"token {len(entra.tokens)}"


def test_a_managed_identity_that_is_not_there_means_that_nothing_was_sent() -> None:
    class NoIdentity(Entra):
        def _reply(self, request: Any) -> Reply:
            if METADATA in request.url:
                return Reply({"error": "invalid_request"}, status=400)
            return super()._reply(request)

    tokens = tokens_for(settings(managed_identity_client_id=IDENTITY), transport=NoIdentity())
    with pytest.raises(NotSentError, match="no token for Partner Center"):
        tokens.current()


@pytest.mark.parametrize("content", [None, "", "no PEM"], ids=["missing", "empty", "no PEM"])
def test_a_certificate_that_cannot_be_read_means_that_nothing_was_sent(
    content: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "certificate.pem"
    if content is not None:
        path.write_text(content)
    tokens = tokens_for(settings(certificate_path=str(path)), transport=Entra())
    with pytest.raises(NotSentError, match="no token for Partner Center"):
        tokens.current()
    with pytest.raises(NotSentError, match="no token for Partner Center"):
        tokens.renewed("another")


def test_a_tenant_that_cannot_be_one_means_that_nothing_was_sent() -> None:
    odd = PartnerCenterSettings(tenant_id="no tenant/", client_id=CLIENT, client_secret=SECRET)
    with pytest.raises(NotSentError, match="tenant"):
        tokens_for(odd, transport=Entra()).current()


def test_a_static_token_is_handed_out_as_it_is() -> None:
    tokens = tokens_for(PartnerCenterSettings(url="http://localhost:1", static_token=SECRET))
    assert (tokens.current(), tokens.renewed(SECRET)) == (SECRET, SECRET)
    assert SECRET not in repr(tokens)
    assert isinstance(tokens, StaticTokens)


def test_the_identity_library_is_not_imported_before_it_is_needed() -> None:
    code = "import sys, shared.wiring; sys.exit('azure.identity' in sys.modules)"
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, timeout=60, check=False)
    assert done.returncode == 0
