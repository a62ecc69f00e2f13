"""The stage of the integration tests, and properties that care not how fast the machine is."""

from hypothesis import HealthCheck, settings

from tests.integration.conftest import hand_clock, hand_time, mailbox, simulator, stage

__all__ = ["hand_clock", "hand_time", "mailbox", "simulator", "stage"]

settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")
