"""Ends of the process: the orderly stop that listeners watch for, and leaving for good."""

import asyncio
import logging
import os
import sys
from contextlib import suppress
from typing import NoReturn

EXIT_STOPPED = 0
EXIT_ERROR = 1
EXIT_FUNCTION_TIMEOUT = 3


class StopSignal:
    """Set once; listeners take nothing new from then on."""

    def __init__(self) -> None:
        """Begin unset."""
        self._event = asyncio.Event()

    @property
    def is_set(self) -> bool:
        """Whether the host is stopping."""
        return self._event.is_set()

    def set(self) -> None:
        """Begin the stop; repeating it changes nothing.

        A terminal's Ctrl-C reaches the whole process group, and then the supervisor stops its
        children too: a second signal is no sign of impatience.
        """
        self._event.set()

    async def wait(self, seconds: float | None = None) -> None:
        """Return when the host stops, or after so many seconds if it does not."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return


def leave(code: int) -> NoReturn:
    """End the process now, with all that was written.

    An ordinary exit would wait for the threads of invocations that are still running; those are
    left to the leases of their messages.
    """
    with suppress(OSError):  # whoever read it may be gone
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)
