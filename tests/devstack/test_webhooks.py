"""The deliveries of the stack's own GitHub are such as the app takes."""

from urllib.parse import parse_qs, urlsplit

from devstack import webhooks
from shared.settings import WebhookSettings
from shared.webhooks.events import read_event
from shared.webhooks.on_filter import OnFilter
from shared.webhooks.secrets import Sender
from shared.webhooks.verification import is_genuine


def test_a_delivery_is_genuine_and_its_event_is_listed() -> None:
    sent = webhooks.delivery(
        "contoso", "an-offer", notification_emails="ana@example.com", reason=""
    )
    headers = {name.lower(): value for name, value in sent.headers.items()}
    secrets = WebhookSettings.from_env(webhooks.SETTINGS).secrets.of(Sender.GITHUB)
    assert is_genuine(Sender.GITHUB, secrets, headers, sent.body)
    assert not is_genuine(Sender.GITHUB, secrets, headers, sent.body + b" ")
    event = read_event(Sender.GITHUB, headers, sent.body)
    query = parse_qs(urlsplit(sent.path).query)
    assert query == {"on": [webhooks.EVENT], "notification-emails": ["ana@example.com"]}
    assert OnFilter.parse(query["on"][0]).matches(event.names)
    assert event.key == sent.headers["X-GitHub-Delivery"]


def test_each_delivery_is_another_one() -> None:
    sent = [webhooks.delivery("contoso", "an-offer") for _ in range(2)]
    assert len({each.headers["X-GitHub-Delivery"] for each in sent}) == 2
