"""Resolves the pending cancellations and mails their outcomes, on a schedule."""

import azure.functions as func

from shared import upkeep, wiring
from shared.errors import ConfigurationError
from shared.telemetry import settings_unusable


def main(timer: func.TimerRequest) -> None:
    """Poll what is due, then see to what no message brings up; past due makes no difference."""
    try:
        try:
            wiring.poller().run()
        finally:  # it says what is wrong with storage, too
            upkeep.housekeeping().run_if_due()
    except ConfigurationError as error:
        settings_unusable(error)
