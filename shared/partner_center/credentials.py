"""Tokens for Partner Center: a service principal by secret, certificate or managed identity.

Never ``DefaultAzureCredential``, whose probing is slow and whose choice nobody controls.
azure-identity keeps a token in memory and renews it before it expires.
"""

import base64
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any, Protocol

from shared.errors import NoTokenError
from shared.settings import PartnerCenterSettings

NEW_SECONDS = 60.0
_EXCHANGE_SCOPE = "api://AzureADTokenExchange/.default"


class Tokens(Protocol):
    """Hands out bearer tokens. Both methods raise ``NoTokenError`` when there is none to be had."""

    def current(self) -> str:
        """A token that is valid as far as its expiry tells."""

    def renewed(self, refused: str) -> str | None:
        """Another token than the refused one; None if that was new, and another is no remedy."""


class StaticTokens:
    """One given token, for a simulator on loopback; the settings allow it nowhere else."""

    def __init__(self, token: str) -> None:
        """Hand out this token."""
        self._token = token

    def current(self) -> str:
        """The token."""
        return self._token

    def renewed(self, refused: str) -> str | None:
        """The same token: there is no other."""
        return self._token


class EntraTokens:
    """Tokens from Microsoft Entra. Safe to share between threads."""

    def __init__(
        self,
        make_credential: Callable[[], Any],
        scope: str,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Get tokens for ``scope`` from the credential that ``make_credential`` builds."""
        self._make = make_credential
        self._scope = scope
        self._clock = clock
        self._lock = threading.Lock()
        self._credential: Any = None
        self._token, self._token_since = "", 0.0

    def current(self) -> str:
        """The credential's token, from its memory while it is valid."""
        token = self._get_token()
        with self._lock:
            if token != self._token:
                self._token, self._token_since = token, self._clock()
        return token

    def renewed(self, refused: str) -> str | None:
        """The token of a new credential, whose memory is empty, unless somebody has renewed it.

        None for a token not a minute old. It is forgotten all the same, so that the next call
        begins with one that has what was granted meanwhile.
        """
        with self._lock:
            if refused == self._token:
                self._credential = None
                if self._clock() - self._token_since < NEW_SECONDS:
                    return None
        return self.current()

    def _get_token(self) -> str:
        from azure.core.exceptions import AzureError

        try:
            # Asked outside of the lock: while Entra is silent, workers wait side by side and not
            # one after the other, past their leases.
            return str(self._current_credential().get_token(self._scope).token)
        except (AzureError, ValueError, OSError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise NoTokenError(f"no token for Partner Center: {reason}") from error

    def _current_credential(self) -> Any:
        with self._lock:
            if self._credential is None:
                self._credential = self._make()
            return self._credential


def tokens_for(
    settings: PartnerCenterSettings, clock: Callable[[], float] = monotonic, **transport: Any
) -> Tokens:
    """The tokens that the settings ask for. Nothing is requested before the first use.

    Args:
        settings: Exactly one way to authenticate is set; the settings see to that.
        clock: Seconds, by which the age of a token is told.
        transport: Passed to azure-identity's pipelines, for tests.
    """
    if settings.static_token:
        return StaticTokens(settings.static_token)
    return EntraTokens(lambda: _credential(settings, transport), settings.scope, clock)


def _credential(settings: PartnerCenterSettings, transport: dict[str, Any]) -> Any:
    from azure import identity

    bounded: dict[str, Any] = {
        "retry_total": 1,
        "connection_timeout": 10,
        "read_timeout": 20,
        "use_env_settings": False,
        **transport,
    }
    principal = {"tenant_id": settings.tenant_id, "client_id": settings.client_id, **bounded}
    if settings.client_secret:
        return identity.ClientSecretCredential(client_secret=settings.client_secret, **principal)
    if settings.certificate:
        return identity.CertificateCredential(
            certificate_data=_certificate_data(settings.certificate), **principal
        )
    if settings.certificate_path:
        return identity.CertificateCredential(
            certificate_path=settings.certificate_path, **principal
        )
    managed = identity.ManagedIdentityCredential(
        client_id=settings.managed_identity_client_id, **bounded
    )
    return identity.ClientAssertionCredential(
        func=lambda: managed.get_token(_EXCHANGE_SCOPE).token, **principal
    )


def _certificate_data(text: str) -> bytes:
    """PEM as it is; otherwise PKCS#12 in Base64, as Key Vault hands a certificate out."""
    if text.startswith("-----BEGIN"):
        return text.encode()
    return base64.b64decode(text, validate=True)
