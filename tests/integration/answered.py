"""Calls of the client, answered as a test wants."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.errors import PartnerCenterError
from shared.partner_center.client import CloudPartnerPortal
from shared.partner_center.credentials import StaticTokens
from tests.integration.raw_server import ScriptedHttp

ID = "408a4835-0000-1000-0000-000000000000"
OFFER = ("contoso", "contoso-vm")
PATH = f"/api/publishers/contoso/offers/contoso-vm/operations/{ID}"
VERSION = "?api-version=2017-10-31"
NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


def client_of(server: ScriptedHttp) -> CloudPartnerPortal:
    return CloudPartnerPortal(server.url, StaticTokens("token"), clock=lambda: NOW)


def answered(method: str, *answers: bytes) -> Any:
    """What a call gives when it is answered so."""
    with ScriptedHttp(*answers) as server:
        more = {"read_operation": (ID,), "read_location": (PATH,), "cancel": ("",)}
        return getattr(client_of(server), method)(*OFFER, *more.get(method, ()))


def failure_of(method: str, *answers: bytes) -> PartnerCenterError:
    with pytest.raises(PartnerCenterError) as raised:
        answered(method, *answers)
    return raised.value


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()
