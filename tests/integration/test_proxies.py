"""Tokens and mails go straight to who they are for, whatever proxy the environment names."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.errors import NotSentError
from shared.partner_center.credentials import tokens_for
from shared.settings import PartnerCenterSettings
from tests.e2e.clean_logs import CLIENT_SECRET
from tests.integration.mail_services import AcsService, sender_to
from tests.integration.raw_server import RawServer, ScriptedHttp, http_answer
from tests.integration.smtp_sending import A, a_mail

pytestmark = pytest.mark.integration

TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT = "66666666-7777-8888-9999-aaaaaaaaaaaa"
ASSERTION = (
    b'{"access_token": "a", "token_type": "Bearer", "resource": "r", "expires_on": "4102444800"}'
)


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[RawServer]:
    """What the environment names as its proxy for everything; hangs up on who comes."""
    with RawServer(lambda _: None) as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, server.url)
            monkeypatch.setenv(name.lower(), server.url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        yield server


@pytest.fixture
def entra(monkeypatch: pytest.MonkeyPatch) -> Iterator[RawServer]:
    """Where tokens are asked for; hangs up, since it is enough to see who comes."""
    with RawServer(lambda _: None) as server:
        monkeypatch.setenv("AZURE_AUTHORITY_HOST", f"https://127.0.0.1:{server.port}")
        yield server


def ask_for_a_token(**way: str) -> None:
    settings = PartnerCenterSettings(tenant_id=TENANT, client_id=CLIENT, **way)
    # Entra is not where Microsoft has it, which the library would ask Microsoft about.
    tokens = tokens_for(settings, disable_instance_discovery=True, retry_total=0)
    with pytest.raises(NotSentError):
        tokens.current()


def test_a_secret_goes_to_entra_by_no_proxy(proxy: RawServer, entra: RawServer) -> None:
    ask_for_a_token(client_secret=CLIENT_SECRET)
    assert entra.connections > 0
    assert proxy.connections == 0


def test_a_managed_identity_is_asked_by_no_proxy(
    proxy: RawServer, entra: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedHttp(http_answer(200, ASSERTION, Content_Type="application/json")) as identity:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{identity.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "header of the app")
        ask_for_a_token(managed_identity_client_id=CLIENT)
        assert len(identity.requests) == 1
    assert entra.connections > 0
    assert proxy.connections == 0


def test_a_mail_and_the_token_for_it_go_by_no_proxy(
    proxy: RawServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = AcsService(tmp_path, monkeypatch.setenv)
    try:
        assert sender_to(service.simulated).send(a_mail(), (A,)).accepted == (A,)
        assert len(service.mails()) == 1
    finally:
        service.close()
    assert proxy.connections == 0
