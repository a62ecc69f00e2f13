"""The HTTP trigger's part on storage in memory."""

from shared.acceptance import Acceptance
from tests.security.memory_app import MAIL_SETTINGS, POLICY, MemoryApp


def acceptance(app: MemoryApp) -> Acceptance:
    return Acceptance(
        ledger=app.ledger,
        requests=app.requests,
        policy=POLICY,
        mail_settings=lambda: MAIL_SETTINGS,
        clock=app.clock,
    )
