"""Webhooks on storage in memory."""

from collections.abc import Mapping
from typing import Any

import pytest

from shared.acceptance import Acceptance
from shared.http_answers import HttpAnswer, ProblemError
from shared.models import CancelRequest, from_json
from shared.settings import PolicySettings, WebhookSettings
from shared.webhooks.reception import WebhookCall, WebhookReception
from tests.payloads.deliveries import SECRETS, Delivery, delivery
from tests.shared.builders import REQUESTED
from tests.shared.ledger_memory import KeptRows
from tests.shared.test_acceptance_checks import MAIL
from tests.shared.test_idempotency import Fragile

DELETED = "github/release.deleted.json"
ON = {"on": "release.deleted"}


class Gate:
    """Takes deliveries, and keeps what they leave behind."""

    def __init__(self, secrets: str = SECRETS, allowed: str = "") -> None:
        """By default every sender has a secret and everybody is served."""
        self.queue = Fragile()
        self.ledger = KeptRows()
        self.reached = 0
        self._environ = {"WEBHOOK_SECRETS": secrets}
        self.acceptance = Acceptance(
            ledger=self.ledger,
            requests=self.queue,
            policy=PolicySettings.from_env({"ALLOWED_PUBLISHERS": allowed}),
            mail_settings=lambda: MAIL,
            clock=lambda: REQUESTED,
        )
        self._reception = WebhookReception(
            acceptance=self._reach,
            secrets=lambda: WebhookSettings.from_env(self._environ).secrets,
        )

    def _reach(self) -> Acceptance:
        self.reached += 1
        return self.acceptance

    def receive(
        self, sent: Delivery | str, query: Mapping[str, str] = ON, **changes: Any
    ) -> HttpAnswer:
        """What a delivery is answered."""
        sent = delivery(sent) if isinstance(sent, str) else sent
        values: dict[str, Any] = {
            "sender": sent.sender,
            "publisher_id": "contoso",
            "offer_id": "contoso-vm",
            "query": query,
            "headers": sent.headers,
            "body": sent.body,
            **changes,
        }
        return self._reception.receive(WebhookCall(**values))

    def refusal(self, *args: Any, **changes: Any) -> ProblemError:
        """What a delivery is refused with; nothing is left behind."""
        with pytest.raises(ProblemError) as raised:
            self.receive(*args, **changes)
        assert (self.ledger.versions, self.queue.texts) == ([], [])
        return raised.value

    @property
    def request(self) -> CancelRequest:
        """The one message on the queue."""
        [text] = self.queue.texts
        return from_json(text, CancelRequest)
