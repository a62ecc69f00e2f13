"""Starts Azurite, Microsoft's emulator of Azure Storage, and ends it again.

Everything listens on loopback only. A stopped Azurite starts again on the ports it had before, so
that clients find it where it was; what it stored is still there if it was given a folder.
"""

import re
import time
from pathlib import Path
from typing import Self

from devstack.errors import PartFailedError, PortInUseError, StackError
from devstack.node import find_node
from devstack.processes import ChildProcess

PROGRAM = Path(__file__).parent / "azurite/node_modules/azurite/dist/src/azurite.js"
START_SECONDS = 60.0
ACCOUNT_NAME = "devstoreaccount1"
# The emulator's account key is public: Microsoft documents it, and it opens nothing else.
ACCOUNT_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
SERVICES = ("Blob", "Queue", "Table")


class Azurite:
    """One Azurite, as a context manager.

    Args:
        folder: Where it keeps its data; in memory where None.
        blob_port: 0 for a free one; ``ports`` tells which after the start.
        queue_port: Likewise.
        table_port: Likewise.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        blob_port: int = 0,
        queue_port: int = 0,
        table_port: int = 0,
    ) -> None:
        """Remember how to start it; ``start`` or ``with`` starts it."""
        self._folder = folder
        self.ports = dict(zip(SERVICES, (blob_port, queue_port, table_port), strict=True))
        self._child: ChildProcess | None = None

    @property
    def connection_string(self) -> str:
        """What a client of Azure Storage needs; complete once it has been started."""
        endpoints = (
            f"{name}Endpoint=http://127.0.0.1:{port}/{ACCOUNT_NAME};"
            for name, port in self.ports.items()
        )
        return (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT_NAME};AccountKey={ACCOUNT_KEY};"
            + "".join(endpoints)
        )

    def start(self) -> None:
        """Start it and wait until all three services listen.

        Raises:
            PortInUseError: A port that was asked for is taken.
            StackError: It is not installed, or did not start; with its own output.
        """
        if not PROGRAM.exists():
            raise StackError("Azurite is not installed. Run `make setup`.")
        child = ChildProcess("Azurite", self._command())
        try:
            child.start()
            deadline = time.monotonic() + START_SECONDS
            for name in SERVICES:
                self.ports[name] = self._wait_for(child, name, deadline)
        except BaseException:
            child.stop()
            raise
        self._child = child

    def stop(self) -> None:
        """Stop it; no error if it does not run."""
        if self._child:
            self._child.stop()
            self._child = None

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.stop()

    def _command(self) -> list[str]:
        place = ["--location", str(self._folder)] if self._folder else ["--inMemoryPersistence"]
        ports = [part for name in SERVICES for part in self._port_option(name)]
        fixed = ["--skipApiVersionCheck", "--disableTelemetry", "--silent"]
        return [str(find_node()), str(PROGRAM), *fixed, *place, *ports]

    def _port_option(self, name: str) -> list[str]:
        kind = name.lower()
        return [f"--{kind}Host", "127.0.0.1", f"--{kind}Port", str(self.ports[name])]

    def _wait_for(self, child: ChildProcess, name: str, deadline: float) -> int:
        listening = (
            rf"Azurite {name} service is successfully listening at http://127\.0\.0\.1:(\d+)"
        )
        try:
            found = child.wait_for_line(listening, deadline - time.monotonic())
        except PartFailedError as error:
            taken = re.search(r"EADDRINUSE.*?:(\d+)\s*$", str(error), re.MULTILINE)
            if taken:
                raise PortInUseError(f"Azurite ({name} service)", int(taken[1])) from error
            raise
        return int(found[1])
