"""The admin path: what a person, or a program in another process, does to the simulator."""

from dataclasses import asdict

from msgspec import DecodeError, Struct, field, to_builtins
from msgspec.json import decode
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devstack.partner_center.answers import ApiError
from devstack.partner_center.scenarios import ScenarioError, scenarios
from devstack.partner_center.world import UnknownOfferError, World

_OFFER = "/admin/publishers/{publisher}/offers/{offer}"


class _Wish(Struct, forbid_unknown_fields=True):
    scenario: str
    knobs: dict[str, object] = field(default_factory=dict)


class Admin:
    """The routes of the admin path; no token, since it is on loopback only."""

    def __init__(self, world: World) -> None:
        """Serves one world."""
        self._world = world

    def routes(self) -> list[Route]:
        """The routes."""
        return [
            Route("/admin/scenarios", self._scenarios),
            Route(_OFFER, self._create, methods=["PUT"]),
            Route(_OFFER, self._truth, methods=["GET"]),
        ]

    async def _scenarios(self, _request: Request) -> Response:
        return JSONResponse({name: each.description for name, each in scenarios().items()})

    async def _create(self, request: Request) -> Response:
        try:
            wish = decode(await request.body(), type=_Wish)
            publisher, name = request.path_params["publisher"], request.path_params["offer"]
            self._world.create_offer(publisher, name, wish.scenario, wish.knobs)
        except (DecodeError, ScenarioError) as error:
            raise ApiError(400, "BadScenario", str(error)) from error
        return self._told(request, 201)

    async def _truth(self, request: Request) -> Response:
        return self._told(request, 200)

    def _told(self, request: Request, status: int) -> Response:
        publisher, name = request.path_params["publisher"], request.path_params["offer"]
        try:
            offer = self._world.offer(publisher, name)
        except UnknownOfferError as error:
            raise ApiError(404, "NotFound", str(error)) from error
        with self._world.lock:
            truth = [to_builtins(asdict(each)) for each in offer.truth()]
        told = {"publisher": offer.publisher, "offer": offer.name, "operations": truth}
        return JSONResponse(told | {"scenario": offer.scenario.description}, status)
