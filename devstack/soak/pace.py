"""How fast the app lives during a soak: hurried, or with the times it has in Azure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from shared.outcome_mail import CLAIM


@dataclass(frozen=True)
class Pace:
    """How fast the app lives.

    Attributes:
        host_program: What runs the functions host, as of ``FunctionsHost``.
        settings: App settings that differ from the stack's own.
        lease_seconds: The host's lease of a queue message.
        failed_visibility: ``visibilityTimeout`` of host.json; empty leaves the app's own.
        claim: For how long a worker that mails is left alone.
        may_be_unseen: For so long an end may be there to be read and yet be unknown.
        rest_seconds: How long to wait for rest at the end, before requests count as lost.
    """

    host_program: str
    settings: Mapping[str, str]
    lease_seconds: int
    failed_visibility: str
    claim: timedelta
    may_be_unseen: timedelta
    rest_seconds: float


HURRIED = Pace(
    host_program="devstack.soak.hurried_host",
    settings={
        "POLL_SCHEDULE": "* * * * * *",
        "POLL_RUN_SECONDS": "4",
        "POLL_LEASE_SECONDS": "9",  # a read may take a third of it
        "RETRY_FIRST_SECONDS": "0.5",
        "SECOND_LOOK_SECONDS": "2.5",
        "NOTIFICATION_DELAY_MINUTES": "0.1",
        "CANCEL_CONFIRM_MINUTES": "0.2",
    },
    lease_seconds=5,
    failed_visibility="00:00:02",
    claim=timedelta(seconds=15),
    may_be_unseen=timedelta(seconds=30),
    rest_seconds=240.0,
)
AS_IN_AZURE = Pace(
    host_program="devstack.host",
    settings={"CANCEL_CONFIRM_MINUTES": "5"},  # else a cancel that is ignored takes two hours
    lease_seconds=600,
    failed_visibility="",
    claim=CLAIM,
    may_be_unseen=timedelta(minutes=10),
    rest_seconds=3600.0,
)
