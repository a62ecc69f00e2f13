"""Resolves the pending cancellations and mails their outcomes, on a schedule."""

import logging

import azure.functions as func

from shared import wiring
from shared.errors import ConfigurationError
from shared.telemetry import event


def main(timer: func.TimerRequest) -> None:
    """Poll what is due, then look over the open requests; past due or not makes no difference."""
    try:
        wiring.poller().run()
        wiring.sweep().run_if_due()
    except ConfigurationError as error:
        problems = list(error.problems)
        event("settings-unusable", level=logging.ERROR, part=error.part, problems=problems)
