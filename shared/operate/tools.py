"""What the commands work with; each part is built when a command first needs it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TextIO

from shared.checks import Check
from shared.ledger import Ledger
from shared.memory import Memory
from shared.poison_shelf import PoisonShelf
from shared.redrive import Redrive


@dataclass(frozen=True, kw_only=True)
class Tools:
    """The app's parts, and the terminal.

    Attributes:
        shelf: The poison queues; like all the parts, ``ConfigurationError`` without its settings.
        checks: The checks, reading this publisher and offer, and mailing this address; empty for a
            default, or no mail.
        check_memory: Where the app keeps what its checks found.
        sleep: Waits between two messages.
        ask: Shows a question and returns what was answered.
        out: Where everything is shown.
    """

    shelf: Callable[[], PoisonShelf]
    redrive: Callable[[], Redrive]
    ledger: Callable[[], Ledger]
    checks: Callable[[str, str, str], Sequence[Check]]
    check_memory: Callable[[], Memory]
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    ask: Callable[[str], str]
    out: TextIO
