from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from shared.partner_center.location import (
    candidate,
    offer_path,
    operation_id_of,
    pin,
    resolve,
)
from tests.shared.builders import OTHER_ID, OWN_LOCATION, SLOT_LOCATION, TARGET_ID

ORIGIN = "https://cloudpartner.azure.com"
BARE = OWN_LOCATION.partition("?")[0]
BARE_SLOT = SLOT_LOCATION.partition("?")[0]

ACCEPTED = {
    "migrated": (OWN_LOCATION, OWN_LOCATION),
    "not migrated": (SLOT_LOCATION, SLOT_LOCATION),
    "absolute": (ORIGIN + OWN_LOCATION, OWN_LOCATION),
    "absolute, not migrated": (ORIGIN + SLOT_LOCATION, SLOT_LOCATION),
    "absolute without api-version, as documented until 2020": (ORIGIN + BARE, OWN_LOCATION),
    "without api-version": (BARE, OWN_LOCATION),
    "not migrated, without api-version": (BARE_SLOT, SLOT_LOCATION),
    "publisher in another case": (OWN_LOCATION.replace("contoso/", "Contoso/"), OWN_LOCATION),
    "not migrated, publisher in another case": (
        SLOT_LOCATION.replace("contoso$", "CONTOSO$"),
        SLOT_LOCATION,
    ),
    "operation in upper case": (OWN_LOCATION.replace(TARGET_ID, TARGET_ID.upper()), OWN_LOCATION),
    "another operation": (OWN_LOCATION.replace(TARGET_ID, OTHER_ID),) * 2,
    "another version and slot": (SLOT_LOCATION.replace("$2$preview", "$17$production"),) * 2,
}

HOSTS = {
    "another host": "https://evil.example",
    "another host without scheme": "//evil.example",
    "three slashes": "///evil.example",
    "userinfo": "https://cloudpartner.azure.com@evil.example",
    "userinfo with password": "https://cloudpartner.azure.com:443@evil.example",
    "userinfo on our host": "https://user:password@cloudpartner.azure.com",
    "our host as a prefix": "https://cloudpartner.azure.com.evil.example",
    "our host as a suffix": "https://evilcloudpartner.azure.com",
    "backslash before an at": "https://cloudpartner.azure.com\\@evil.example",
    "backslash for a slash": "https://cloudpartner.azure.com\\",
    "two backslashes": "\\\\evil.example",
    "at in front": "@evil.example",
    "dot in front": ".evil.example",
    "colon in front": ":8443",
    "another port": "https://cloudpartner.azure.com:8443",
    "the default port": "https://cloudpartner.azure.com:443",
    "no TLS": "http://cloudpartner.azure.com",
    "another scheme": "ftp://cloudpartner.azure.com",
    "script": "javascript:alert(1)//",
    "one slash after the scheme": "https:/evil.example",
    "no slash after the scheme": "https:evil.example",
    "space in front": " https://evil.example",
    "space before our own": " https://cloudpartner.azure.com",
    "tab in the scheme": "ht\ttps://evil.example",
    "tab in our own": "https://cloudpartner.azure\t.com",
    "line break in front": "\nhttps://evil.example",
    "fragment": "https://cloudpartner.azure.com#@evil.example",
    "query": "https://cloudpartner.azure.com?@evil.example",
    "wide dot": "https://cloudpartner\u3002azure.com",
    "twice": "https://cloudpartner.azure.comhttps://cloudpartner.azure.com",
    "a folder": "/api",
}

PATHS = {
    "nothing": "",
    "a slash": "/",
    "without the first slash": OWN_LOCATION[1:],
    "two slashes": OWN_LOCATION.replace("/offers", "//offers"),
    "dot segments": OWN_LOCATION.replace("/operations", "/../contoso-vm/operations"),
    "dot segments that leave": f"/api/../..{OWN_LOCATION}",
    "a dot segment as publisher": OWN_LOCATION.replace("contoso/", "../"),
    "encoded slash": OWN_LOCATION.replace("/operations", "%2foperations"),
    "encoded dots": OWN_LOCATION.replace("contoso/", "%2e%2e/"),
    "encoded letter": OWN_LOCATION.replace("contoso/", "%63ontoso/"),
    "encoded dollar": SLOT_LOCATION.replace("$", "%24"),
    "backslashes": OWN_LOCATION.replace("/", "\\"),
    "a backslash": OWN_LOCATION.replace("/operations", "\\operations"),
    "a tab": OWN_LOCATION.replace("/operations", "/\toperations"),
    "a line break": OWN_LOCATION.replace("/operations", "/\noperations"),
    "a line break at the end": OWN_LOCATION + "\n",
    "a carriage return at the end": BARE + "\r\n",
    "a space at the end": OWN_LOCATION + " ",
    "a NUL": BARE + "\0",
    "a slash at the end": BARE + "/",
    "more after the operation": BARE + "/cancel",
    "an at": BARE + "@evil.example",
    "a fragment": OWN_LOCATION + "#top",
    "another query": BARE + "?next=1",
    "one more query": OWN_LOCATION + "&next=https://evil.example",
    "another api-version": BARE + "?api-version=2016-08-01-preview",
    "an empty query": BARE + "?",
    "another publisher": OWN_LOCATION.replace("contoso/", "fabrikam/"),
    "another offer": OWN_LOCATION.replace("contoso-vm", "contoso-app"),
    "an offer in another case": OWN_LOCATION.replace("contoso-vm", "Contoso-VM"),
    "a longer offer": OWN_LOCATION.replace("contoso-vm", "contoso-vm2"),
    "another publisher's slot": SLOT_LOCATION.replace("contoso$", "fabrikam$"),
    "another offer's slot": SLOT_LOCATION.replace("contoso-vm", "contoso-app"),
    "no GUID": OWN_LOCATION.replace(TARGET_ID, "latest"),
    "a GUID in braces": OWN_LOCATION.replace(TARGET_ID, f"{{{TARGET_ID}}}"),
    "a GUID with wide digits": OWN_LOCATION.replace("5", "\uff15"),
    "a slot without version": SLOT_LOCATION.replace("$2", ""),
    "a slot with more": SLOT_LOCATION.replace("$preview", "$preview$x"),
    "a slot with a slash": SLOT_LOCATION.replace("preview", "preview/x"),
    "a version too long": SLOT_LOCATION.replace("$2", "$2222222222"),
    "another resource": OWN_LOCATION.replace("/operations/", "/submissions/"),
    "another folder": OWN_LOCATION.replace("/api/", "/admin/"),
    "upper case": OWN_LOCATION.replace("/api/", "/API/"),
}


def pinned(value: str) -> str | None:
    return pin(value, origin=ORIGIN, publisher_id="contoso", offer_id="contoso-vm")


def resolved(headers: dict[str, str], body: Any) -> tuple[str | None, str | None]:
    return resolve(
        CaseInsensitiveDict(headers),
        body,
        origin=ORIGIN,
        publisher_id="contoso",
        offer_id="contoso-vm",
    )


@pytest.mark.parametrize(("value", "path"), ACCEPTED.values(), ids=ACCEPTED)
def test_a_known_form_is_rebuilt_as_a_path(value: str, path: str) -> None:
    assert pinned(value) == path
    assert pinned(path) == path


@pytest.mark.parametrize("path", [OWN_LOCATION, SLOT_LOCATION, ""], ids=["own", "slot", "empty"])
@pytest.mark.parametrize("start", HOSTS.values(), ids=HOSTS)
def test_nothing_that_may_name_another_host_is_accepted(start: str, path: str) -> None:
    assert pinned(start + path) is None


@pytest.mark.parametrize("origin", ["", ORIGIN], ids=["relative", "absolute"])
@pytest.mark.parametrize("value", PATHS.values(), ids=PATHS)
def test_no_other_path_is_accepted(value: str, origin: str) -> None:
    assert pinned(origin + value) is None


def test_publisher_and_offer_are_sent_as_given() -> None:
    path = pin(OWN_LOCATION, origin=ORIGIN, publisher_id="ConToso", offer_id="contoso-vm")
    assert path == OWN_LOCATION.replace("contoso/", "ConToso/")


def test_an_absolute_value_fits_the_configured_origin_only() -> None:
    local = "http://127.0.0.1:8080"
    given = {"origin": local, "publisher_id": "contoso", "offer_id": "contoso-vm"}
    assert pin(local + OWN_LOCATION, **given) == OWN_LOCATION
    assert pin(ORIGIN + OWN_LOCATION, **given) is None
    assert pin("http://127.0.0.1:80801" + OWN_LOCATION, **given) is None


@pytest.mark.parametrize(
    ("location", "operation_id"),
    [
        (OWN_LOCATION, TARGET_ID),
        (BARE.replace(TARGET_ID, TARGET_ID.upper()), TARGET_ID),
        (SLOT_LOCATION, None),
        ("", None),
        ("/api/operations/latest", None),
    ],
)
def test_a_location_names_its_operation(location: str, operation_id: str | None) -> None:
    assert operation_id_of(location) == operation_id


@pytest.mark.parametrize(
    ("headers", "body", "found"),
    [
        ({"Location": "/a"}, None, "/a"),
        ({"location": "/a"}, None, "/a"),
        ({"LOCATION": "/a"}, {"location": "/b"}, "/a"),
        ({"Operation-Location": "/a"}, None, "/a"),
        ({"operation-location": "/a"}, {"id": "/b"}, "/a"),
        ({"Operation-Location": "/b", "Location": "/a"}, None, "/a"),
        ({"Location": "", "Operation-Location": "/a"}, None, "/a"),
        ({"Content-Location": "/b"}, None, None),
        ({}, {"location": "/a", "id": "/b"}, "/a"),
        ({}, {"operationLocation": "/a", "operationId": "/b"}, "/a"),
        ({}, {"operation-location": "/a"}, "/a"),
        ({}, {"operationId": "/a", "id": "/b"}, "/a"),
        ({}, {"id": "/a"}, "/a"),
        ({}, {"location": "", "id": "/a"}, "/a"),
        ({}, {"location": 5, "operationId": None, "id": ["/a"]}, None),
        ({}, {"Location": "/a"}, None),
        ({}, [{"location": "/a"}], None),
        ({}, "/a", None),
        ({}, None, None),
    ],
)
def test_a_header_counts_before_the_body(
    headers: dict[str, str], body: Any, found: str | None
) -> None:
    assert candidate(CaseInsensitiveDict(headers), body) == found


def test_an_answer_gives_a_path_or_what_was_refused_or_nothing() -> None:
    assert resolved({"Location": OWN_LOCATION}, None) == (OWN_LOCATION, None)
    assert resolved({"Location": "//evil.example"}, None) == (None, "//evil.example")
    assert resolved({}, None) == (None, None)


def test_a_refused_header_is_not_mended_by_the_body() -> None:
    assert resolved({"Location": "//evil.example"}, {"id": TARGET_ID}) == (None, "//evil.example")


@pytest.mark.parametrize("member", ["operationId", "id", "location"])
def test_a_bare_operation_id_is_made_a_path(member: str) -> None:
    assert resolved({}, {member: TARGET_ID}) == (OWN_LOCATION, None)
    assert resolved({}, {member: TARGET_ID.upper()}) == (OWN_LOCATION, None)
    assert resolved({}, {member: f"{TARGET_ID}\n"}) == (None, f"{TARGET_ID}\n")


def test_a_resource_path_quotes_what_it_is_given() -> None:
    assert offer_path("a/../b", "x?y", "status") == (
        "/api/publishers/a%2F..%2Fb/offers/x%3Fy/status?api-version=2017-10-31"
    )


PIECES = st.sampled_from(
    [
        *(ORIGIN, OWN_LOCATION, BARE, SLOT_LOCATION, TARGET_ID, *HOSTS.values()),
        *("/api/operations/", "/", "..", "contoso", "$2$", "?api-version=2017-10-31"),
        *("@", "\\", "%2f", "\n", "#"),
    ]
)
ANY_VALUE = st.lists(PIECES | st.text(max_size=3), max_size=6).map("".join)


@given(ANY_VALUE)
def test_whatever_is_pinned_is_a_path_of_this_offer_only(value: str) -> None:
    path = pinned(value)
    if path is not None:
        own = path.startswith("/api/publishers/contoso/offers/contoso-vm/operations/")
        slot = path.startswith("/api/operations/contoso$contoso-vm$")
        assert own or slot
        assert path.endswith("?api-version=2017-10-31")
        assert path.isascii()
        assert not set(path) & set("@\\%#: \t\r\n")
        assert ".." not in path
