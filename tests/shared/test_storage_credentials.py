"""As whom storage is reached where there is no connection string."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.identity import ManagedIdentityCredential

from shared.settings import StorageSettings
from shared.storage_clients import queue_client, table_client

ACCOUNT = {
    "CancelStorage__queueServiceUri": "https://a.queue.core.windows.net/",
    "CancelStorage__tableServiceUri": "https://a.table.core.windows.net/",
}
SCOPE = "https://storage.azure.com/.default"


def test_the_commands_go_by_who_is_signed_in_with_az(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expires = datetime.now(UTC) + timedelta(hours=1)
    token = {"accessToken": "of who is signed in", "expires_on": int(expires.timestamp())}
    az = tmp_path / "az"
    az.write_text(f"#!/bin/sh\necho '{json.dumps(token)}'\n")
    az.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    settings = StorageSettings.from_env({**ACCOUNT, "CancelStorage__credential": "azurecli"})
    credential = queue_client(settings, "cancel-requests").credential
    assert credential.get_token(SCOPE).token == "of who is signed in"


@pytest.mark.parametrize("credential", ["", "managedidentity"])
def test_the_app_goes_by_its_managed_identity(credential: str) -> None:
    settings = StorageSettings.from_env({**ACCOUNT, "CancelStorage__credential": credential})
    assert isinstance(queue_client(settings, "q").credential, ManagedIdentityCredential)
    assert isinstance(table_client(settings).credential, ManagedIdentityCredential)
