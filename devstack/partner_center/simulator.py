"""The simulated Partner Center as one object: in a test, in the stack, on its own."""

import time
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from types import TracebackType
from typing import Self

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from devstack.partner_center.admin import Admin
from devstack.partner_center.answers import ApiError, envelope
from devstack.partner_center.api import Api
from devstack.partner_center.clock import Clock
from devstack.partner_center.faults import Fault, FaultLine
from devstack.partner_center.offers import CancelCall, TrueOperation
from devstack.partner_center.operations import State
from devstack.partner_center.recording import Call, Recorder
from devstack.partner_center.server import LoopbackServer
from devstack.partner_center.world import World

DEFAULT_TOKEN = "simulated-token"  # noqa: S105 - it opens nothing but this simulator


class Simulator:
    """Partner Center over real HTTP on loopback, with its truth open to look at."""

    def __init__(
        self,
        port: int = 0,
        token: str = DEFAULT_TOKEN,
        *,
        publishers: tuple[str, ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Takes the port, 0 for a free one.

        Args:
            port: The port on 127.0.0.1.
            token: The only bearer token that is let in.
            publishers: Known without offers; creating an offer makes its publisher known too.
            clock: Seconds that never run backwards; for tests that will not wait.

        Raises:
            PortInUseError: The port is taken.
        """
        self.token = token
        self._world = World(Clock(clock), publishers)
        self._recorder = Recorder(_application(self._world, token), self._date)
        self._server = LoopbackServer(self._recorder, port)

    @property
    def port(self) -> int:
        """The port."""
        return self._server.port

    @property
    def url(self) -> str:
        """The address, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Serves; also brings it back after `stop_answering`, on the same port."""
        self._server.start()

    def stop_answering(self) -> None:
        """Goes down: connections are refused, and everything known is kept."""
        self._server.stop()

    def suffer(self, *faults: Fault) -> None:
        """Meets calls about any offer with these from now on, in place of those before.

        An offer's own faults come first. Without an argument all is well again.
        """
        with self._world.lock:
            self._world.troubles = FaultLine(faults)

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

    def create_offer(self, publisher: str, offer: str, scenario: str, **knobs: object) -> None:
        """Makes an offer in a scenario, some of its knobs set otherwise; its operations start.

        Raises:
            ScenarioError: No such scenario or knob, or knobs that contradict each other.
        """
        self._world.create_offer(publisher, offer, scenario, knobs)

    def publish(self, publisher: str, offer: str) -> str:
        """Starts a publish, as `…/publish` does, and returns its operation id.

        Raises:
            OperationRunningError: One runs already.
        """
        with self._world.lock:
            return self._world.offer(publisher, offer).publish().id

    def finish(self, publisher: str, offer: str, state: State | str = State.SUCCEEDED) -> None:
        """Ends the running publish at once, by itself, as certification or a person would."""
        with self._world.lock:
            self._world.offer(publisher, offer).finish(State(state))

    def truth(self, publisher: str, offer: str) -> list[TrueOperation]:
        """What truly became of every publish of an offer, oldest first."""
        with self._world.lock:
            return self._world.offer(publisher, offer).truth()

    def cancel_calls(self, publisher: str, offer: str) -> list[CancelCall]:
        """The calls to cancel that were carried out, and what each of them hit."""
        with self._world.lock:
            return list(self._world.offer(publisher, offer).cancel_calls)

    def calls(self, publisher: str | None = None, offer: str | None = None) -> list[Call]:
        """The calls so far: those about one offer, or all, whatever their path."""
        calls = self._recorder.calls()
        if publisher is None or offer is None:
            return calls
        names = f"{publisher}/offers/{offer}/".lower(), f"{publisher}${offer}$".lower()
        starts = f"/api/publishers/{names[0]}", f"/api/operations/{names[1]}"
        return [call for call in calls if call.path.lower().startswith(starts)]

    @property
    def authorizations(self) -> list[str]:
        """Every `Authorization` header seen, right or wrong, on any path."""
        return list(self._recorder.authorizations)

    def _date(self) -> datetime:
        return self._world.clock.date(self._world.clock.now())


def _application(world: World, token: str) -> Starlette:
    application = Starlette(
        routes=[*Api(world, token).routes(), *Admin(world).routes()],
        exception_handlers={ApiError: _on_api_error, HTTPException: _on_http_error},
    )
    # The service has never been seen to redirect.
    application.router.redirect_slashes = False
    return application


async def _on_api_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, ApiError):
        raise error
    return envelope(error.status, error.code, error.message)


async def _on_http_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    code = HTTPStatus(error.status_code).name.title().replace("_", "")
    return envelope(error.status_code, code, error.detail)
