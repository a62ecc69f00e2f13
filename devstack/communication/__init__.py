"""Azure Communication Services Email, simulated over real HTTP, with a managed identity for it."""

from devstack.communication.api import AcsCall
from devstack.communication.rules import AcsTrouble
from devstack.communication.service import CommunicationService

__all__ = ["AcsCall", "AcsTrouble", "CommunicationService"]
