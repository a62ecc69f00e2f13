"""A simulated Partner Center: real HTTP, scenarios per offer, and a truth of its own.

What it answers and what is true are kept apart on purpose: the real service answers 202 whether
or not anything is being canceled, and tests of a caller need to know better than the caller.
"""

from devstack.partner_center.faults import Fault
from devstack.partner_center.offers import CancelCall, OperationRunningError, TrueOperation
from devstack.partner_center.operations import State
from devstack.partner_center.recording import Call
from devstack.partner_center.scenarios import ScenarioError, scenarios
from devstack.partner_center.simulator import DEFAULT_TOKEN, Simulator

__all__ = [
    "DEFAULT_TOKEN",
    "Call",
    "CancelCall",
    "Fault",
    "OperationRunningError",
    "ScenarioError",
    "Simulator",
    "State",
    "TrueOperation",
    "scenarios",
]
