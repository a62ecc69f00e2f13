from collections.abc import Mapping

import pytest

from devstack.host.routing import (
    RouteTable,
    RouteTemplate,
    UnreadablePathError,
    path_segments,
)


@pytest.fixture
def table() -> RouteTable[str]:
    routes = RouteTable[str]("api")
    routes.add(RouteTemplate.parse("things/{id}", ["get"]), "thing")
    routes.add(RouteTemplate.parse("things/latest", ["get"]), "latest")
    routes.add(RouteTemplate.parse("things/{id}", ["delete"]), "removal")
    routes.add(RouteTemplate.parse("/anything/", []), "anything")
    return routes


@pytest.mark.parametrize(
    ("method", "path", "found"),
    [
        ("GET", b"/api/things/1", ("thing", {"id": "1"})),
        ("DELETE", b"/api/things/1", ("removal", {"id": "1"})),
        ("GET", b"/api/things/latest", ("latest", {})),
        ("GET", b"/API/Things/LATEST/", ("latest", {})),
        ("PATCH", b"/api/anything", ("anything", {})),
        ("GET", b"/api/things/a%20b%C3%A9", ("thing", {"id": "a bé"})),
        ("GET", b"/api/things/a%2Fb%2fc", ("thing", {"id": "a%2Fb%2fc"})),
        ("GET", b"/api/things/%2e%2e%2F%2e%2e", ("thing", {"id": "..%2F.."})),
        ("GET", b"/api/other/../things/./1", ("thing", {"id": "1"})),
        ("GET", b"/api/other/%2E%2e/things/1", ("thing", {"id": "1"})),
        ("GET", b"/../../api/things/1", ("thing", {"id": "1"})),
        ("GET", b"/api/things/%FF", ("thing", {"id": "%FF"})),
        ("GET", b"/api/things/%", ("thing", {"id": "%"})),
    ],
)
def test_a_path_leads_to_its_route(
    table: RouteTable[str], method: str, path: bytes, found: tuple[str, Mapping[str, str]]
) -> None:
    assert table.find(method, path_segments(path)) == found


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", b"/api/things/1"),
        ("GET", b"/things/1"),
        ("GET", b"/api/things/"),
        ("GET", b"/api/things//"),
        ("GET", b"/api//things/1"),
        ("GET", b"/api/things/1/more"),
        ("GET", b"/api/things/.."),
        ("GET", b"/"),
        ("OPTIONS", b"*"),
        ("GET", b""),
    ],
)
def test_a_path_without_a_route_leads_nowhere(
    table: RouteTable[str], method: str, path: bytes
) -> None:
    assert table.find(method, path_segments(path)) is None


def test_an_encoded_nul_makes_a_path_unreadable() -> None:
    with pytest.raises(UnreadablePathError):
        path_segments(b"/api/things/a%00")


def test_without_a_prefix_routes_begin_at_the_root() -> None:
    routes = RouteTable[str]("")
    routes.add(RouteTemplate.parse("things", []), "things")

    assert routes.find("GET", path_segments(b"/things")) == ("things", {})
