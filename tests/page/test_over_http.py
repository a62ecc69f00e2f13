"""One address for programs and people, through the functions host."""

import re

import pytest

from devstack.stack import Stack
from shared.page.frame import HEADERS
from tests.e2e.asking import Answered, send
from tests.page.builders import Read
from tests.page.conftest import PUBLISHER, Told

pytestmark = pytest.mark.integration

PATH = "/api/cancellations"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
KEY = "a-key-that-nobody-should-log=="


def get(stack: Stack, query: str = "", accept: str | None = BROWSER) -> Answered:
    headers = {} if accept is None else {"Accept": accept}
    return send(stack, PATH + query, headers=headers, method="GET")


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "application/json, text/html"])
def test_programs_get_json(stack: Stack, told: Told, accept: str | None) -> None:
    answered = get(stack, accept=accept)
    assert answered.headers["Content-Type"].startswith("application/json")
    assert answered.headers["Vary"] == "Accept"
    assert {told.stuck, told.canceled} <= {each["id"] for each in answered.members["value"]}


def test_browsers_get_the_page(stack: Stack, told: Told) -> None:
    answered = get(stack)
    assert answered.status == 200
    assert answered.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "1 open" in Read(answered.body.decode()).text


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 200),
        ("?top=1", 200),
        ("?top=no", 400),
        ("?publisherId=northwind", 403),
        (f"?publisherId={PUBLISHER}&offerId=vm&id=00000000-0000-4000-8000-000000000000", 404),
    ],
)
def test_every_page_goes_out_with_its_headers(stack: Stack, query: str, status: int) -> None:
    answered = get(stack, query)
    assert answered.status == status
    assert answered.headers["Content-Type"] == "text/html; charset=utf-8"
    expected = {**HEADERS, "Vary": "Accept"}
    assert {name: answered.headers[name] for name in expected} == expected
    assert [name for name, _ in Read(answered.body.decode()).tags].count("h1") == 1


def test_errors_are_json_for_programs(stack: Stack) -> None:
    answered = get(stack, "?top=no", accept=None)
    assert (answered.status, answered.error[0]) == (400, "BadRequest")
    assert answered.headers["Vary"] == "Accept"


def test_the_list_leads_to_stories_that_are_there(stack: Stack, told: Told) -> None:
    links = {link for link in Read(get(stack).body.decode()).links() if "id=" in link}
    ids = set(re.findall(r"[?&]id=([0-9a-f-]+)", " ".join(links)))
    assert {told.stuck, told.canceled, told.too_late} <= ids
    assert {get(stack, link).status for link in links} == {200}


def test_a_key_in_the_address_is_not_logged(stack: Stack) -> None:
    for query in (f"?code={KEY}", f"?code={KEY}&top=no"):
        assert KEY.rstrip("=") in get(stack, query).body.decode(), "it is carried on"
    assert KEY.rstrip("=") not in stack.host.log.read_text(encoding="utf-8")
