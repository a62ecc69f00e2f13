"""The simulated API: who may call, what each call does, and which fault it meets on the way."""

import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import partial

from msgspec import DecodeError, Struct, field
from msgspec.json import decode
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route as HttpRoute

from devstack.partner_center import views
from devstack.partner_center.answers import ApiError, envelope, struck
from devstack.partner_center.faults import Route
from devstack.partner_center.offers import Offer, OperationRunningError
from devstack.partner_center.operations import Publish
from devstack.partner_center.scenarios import Scenario
from devstack.partner_center.world import UnknownOfferError, World

API_VERSION = "2017-10-31"
_OFFER = "/api/publishers/{publisher}/offers/{offer}"

type _Work = Callable[[Request, Offer], Response]


class _Metadata(Struct):
    emails: str = field(default="", name="notification-emails")


class _Body(Struct):
    metadata: _Metadata = field(default_factory=_Metadata)


class Api:
    """The routes of the simulated API over a world of offers."""

    def __init__(self, world: World, token: str) -> None:
        """Serves callers who present `token`."""
        self._world = world
        self._authorization = f"Bearer {token}"

    def routes(self) -> list[HttpRoute]:
        """The routes as documented; both spellings of the list are in use."""
        table: list[tuple[str, str, Route, _Work]] = [
            ("GET", f"{_OFFER}/submissions", "list", _list),
            ("GET", f"{_OFFER}/submissions/", "list", _list),
            ("GET", f"{_OFFER}/operations/{{operation}}", "operation", _operation),
            ("GET", "/api/operations/{key}", "operation", _newest_operation),
            ("GET", f"{_OFFER}/status", "status", _status),
            ("POST", f"{_OFFER}/publish", "publish", _publish),
            ("POST", f"{_OFFER}/cancel", "cancel", _cancel),
        ]
        return [
            HttpRoute(path, partial(self._serve, route, work), methods=[method])
            for method, path, route, work in table
        ]

    async def _serve(self, route: Route, work: _Work, request: Request) -> Response:
        await request.body()
        offer = self._admit(request)
        with self._world.lock:
            if_match = request.headers.get("if-match", "")
            fault = self._world.strike(offer, route, if_match)
            is_let_through = fault is None or fault.lets_through
            answer = _carried_out(work, request, offer) if is_let_through else None
        if fault is not None:
            answer = await struck(fault, answer, _their_time(offer))
        if answer is None:
            raise AssertionError("a call that meets no fault is answered")
        answer.headers["Date"] = format_datetime(_their_time(offer), usegmt=True)
        return answer

    def _admit(self, request: Request) -> Offer:
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), self._authorization.encode()):
            raise ApiError(401, "Unauthorized", "The bearer token is missing or invalid.")
        version = request.query_params.get("api-version", "")
        if version != API_VERSION:
            raise ApiError(
                400,
                "InvalidAPIVersion",
                f"The api-version '{version}' is invalid. Allowed values are [{API_VERSION}].",
            )
        publisher, name = _names(request)
        if not self._world.knows(publisher):
            raise ApiError(403, "Forbidden", "User does not have the required permissions")
        try:
            return self._world.offer(publisher, name)
        except UnknownOfferError as error:
            raise ApiError(404, "NotFound", "The offer does not exist.") from error


def _carried_out(work: _Work, request: Request, offer: Offer) -> Response:
    try:
        return work(request, offer)
    except ApiError as error:
        return envelope(error.status, error.code, error.message)


def _their_time(offer: Offer) -> datetime:
    now = offer.clock.date(offer.clock.now())
    return now + timedelta(seconds=offer.scenario.clock_offset_seconds)


def _names(request: Request) -> tuple[str, str]:
    if "key" not in request.path_params:
        return request.path_params["publisher"], request.path_params["offer"]
    match request.path_params["key"].split("$"):
        case [publisher, offer, _version, _slot]:
            return publisher, offer
        case _:
            raise ApiError(404, "NotFound", "The operation does not exist.")


def _list(_request: Request, offer: Offer) -> Response:
    return JSONResponse(views.operation_list(offer))


def _status(_request: Request, offer: Offer) -> Response:
    return JSONResponse(views.offer_status(offer))


def _operation(request: Request, offer: Offer) -> Response:
    operation = offer.find(request.path_params["operation"])
    if operation is None:
        raise ApiError(404, "NotFound", "The operation does not exist.")
    return JSONResponse(views.single_operation(offer, operation))


def _newest_operation(_request: Request, offer: Offer) -> Response:
    publishes = offer.publishes()
    if not publishes:
        raise ApiError(404, "NotFound", "The operation does not exist.")
    return JSONResponse(views.single_operation(offer, publishes[-1]))


def _publish(request: Request, offer: Offer) -> Response:
    try:
        started = offer.publish(_emails(request))
    except OperationRunningError as error:
        raise ApiError(409, "Conflict", f"The {error}.") from error
    location = _filled(Scenario().location, request, offer, started)
    return Response(status_code=202, headers={"Location": location})


def _cancel(request: Request, offer: Offer) -> Response:
    knobs = offer.scenario
    cancellation = offer.cancel(_emails(request))
    publishes = offer.publishes()
    target = cancellation.target if cancellation else publishes[-1] if publishes else None
    # Without any operation there is nothing that a location could name.
    if target is None or not knobs.location:
        return Response(status_code=knobs.cancel_status)
    operation = cancellation.id if cancellation else target.id
    location = _filled(knobs.location, request, offer, target, operation)
    if knobs.location_in == "body":
        return JSONResponse({"location": location}, knobs.cancel_status)
    return Response(status_code=knobs.cancel_status, headers={knobs.location_in: location})


def _filled(
    template: str, request: Request, offer: Offer, target: Publish, cancel_operation: str = ""
) -> str:
    return template.format(
        base=str(request.base_url).rstrip("/"),
        publisher=offer.publisher,
        offer=offer.name,
        operation=target.id,
        cancel_operation=cancel_operation or target.id,
    )


def _emails(request: Request) -> str:
    # Starlette keeps the body that was awaited before the work began.
    body: bytes = getattr(request, "_body", b"")
    try:
        return decode(body or b"{}", type=_Body).metadata.emails
    except DecodeError as error:
        raise ApiError(400, "BadRequest", f"The body is not understood: {error}") from error
