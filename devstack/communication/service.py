"""The simulated service as one object: in a test, or on its own."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from starlette.applications import Starlette

from devstack.communication.api import AcsCall, Api
from devstack.communication.rules import AcsTrouble, Throttle
from devstack.mailbox.folder import MailFolder, ReceivedMail
from devstack.partner_center.server import LoopbackServer

OWN_DOMAIN_LIMITS = (30, 100)


class CommunicationService:
    """One resource over real HTTP on loopback, and the managed identity that may use it."""

    def __init__(
        self,
        folder: MailFolder,
        port: int = 0,
        *,
        domains: tuple[str, ...] = ("contoso.com",),
        limits: tuple[int, int] = OWN_DOMAIN_LIMITS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Takes the port; nothing is answered before `start`.

        Args:
            folder: Where the mails go.
            port: The port on 127.0.0.1, 0 for a free one.
            domains: Linked domains, from which mails may come.
            limits: How many sends it takes in any minute and in any hour.
            clock: Seconds that never run backwards; for tests that will not wait.

        Raises:
            PortInUseError: The port is taken.
        """
        self.folder = folder
        self._api = Api(folder, frozenset(domains), Throttle(clock, limits))
        app = Starlette(routes=self._api.routes())
        self._server = LoopbackServer(app, port, "Communication Services")

    @property
    def endpoint(self) -> str:
        """What `NOTIFICATION_ACS_ENDPOINT` is to be, without a slash at its end."""
        return f"http://127.0.0.1:{self._server.port}"

    def identity(self) -> dict[str, str]:
        """What Azure puts into the environment of an app that has a managed identity."""
        return {"IDENTITY_ENDPOINT": f"{self.endpoint}/msi/token", "IDENTITY_HEADER": "simulated"}

    def start(self) -> None:
        """Answers; also brings it back after `stop_answering`, on the same port."""
        self._server.start()

    def stop_answering(self) -> None:
        """Goes down: connections are refused, and everything known is kept."""
        self._server.stop()

    def stop(self) -> None:
        """Ends it and gives the port back."""
        self._server.close()

    def __enter__(self) -> Self:
        """Starts it."""
        self.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Ends it."""
        self.stop()

    def suffer(self, trouble: AcsTrouble | None) -> None:
        """Meets sends with this from now on; with None all is well again."""
        self._api.trouble = trouble

    def refuse(self, recipient: str) -> None:
        """Takes no mail that goes to this address, too."""
        self._api.refused_addresses.add(recipient)

    @property
    def tokens(self) -> list[str]:
        """Every token that is taken; each ends with the client id that it was asked for with."""
        return sorted(self._api.tokens)

    def forget_tokens(self) -> None:
        """Takes no token any more that was issued before."""
        self._api.tokens.clear()

    def give_identity(self, *, granted: bool) -> None:
        """Whether the managed identity gets tokens."""
        self._api.has_identity = granted

    def mails(self) -> list[ReceivedMail]:
        """Every mail that went out, the first one first."""
        return self.folder.mails()

    def calls(self) -> list[AcsCall]:
        """Every call to the API, in the order in which they came."""
        return list(self._api.calls)
