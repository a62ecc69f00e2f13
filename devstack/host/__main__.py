"""Entry point of ``python -m devstack.host``, ready for Ctrl-C before anything else."""

import os
import signal
import sys
from types import FrameType


def _leave_at_once(signum: int, frame: FrameType | None) -> None:
    # Nothing is running yet that would need an orderly end, and raising here would surface as a
    # traceback from the middle of whichever import was interrupted.
    os._exit(0)


def main() -> None:
    """Run the host with the arguments of this process."""
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, _leave_at_once)
    # Importing the storage SDK takes most of a second, in which Ctrl-C may come.
    from devstack.host.command import run

    run(sys.argv[1:])


if __name__ == "__main__":
    main()
