import json
from pathlib import Path

from devstack.azurite import Azurite
from devstack.partner_center import DEFAULT_TOKEN
from devstack.serving import PORTS
from shared.settings import MailSettings, PartnerCenterSettings, PolicySettings, StorageSettings

ROOT = Path(__file__).parents[2]


def example() -> dict[str, str]:
    text = (ROOT / "local.settings.example.json").read_text(encoding="utf-8")
    values: dict[str, str] = json.loads(text)["Values"]
    return values


def test_core_tools_find_what_make_serve_starts() -> None:
    settings = example()
    storage = Azurite(blob_port=PORTS.blob, queue_port=PORTS.queue, table_port=PORTS.table)
    assert settings["CancelStorage"] == storage.connection_string
    assert settings["PARTNER_CENTER_URL"] == f"http://127.0.0.1:{PORTS.partner_center}"
    assert settings["PARTNER_CENTER_STATIC_TOKEN"] == DEFAULT_TOKEN
    assert settings["NOTIFICATION_SMTP_URL"] == f"smtp://127.0.0.1:{PORTS.smtp}"


def test_the_app_can_work_with_them_and_they_are_its_defaults() -> None:
    settings = example()
    for part in (StorageSettings, PartnerCenterSettings, MailSettings):
        part.from_env(settings)
    assert PolicySettings.from_env(settings) == PolicySettings.from_env({})
