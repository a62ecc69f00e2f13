"""Resolves the pending cancellations and mails their outcomes, on a schedule."""

import logging

import azure.functions as func

from shared import wiring
from shared.errors import ConfigurationError
from shared.telemetry import event


def main(timer: func.TimerRequest) -> None:
    """Poll what is due, then see to what no message brings up; past due makes no difference."""
    try:
        wiring.poller().run()
        wiring.housekeeping().run_if_due()
    except ConfigurationError as error:
        problems = list(error.problems)
        event("settings-unusable", level=logging.ERROR, part=error.part, problems=problems)
