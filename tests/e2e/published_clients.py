"""How published clients of Microsoft's API cancel and follow a Location.

All but the host's name and the key is theirs: they were written for Partner Center and know nothing
of this app. What they do with other operations, such as watching an offer's list of submissions, is
no part of the Cancel operation API.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import requests

from tests.e2e.asking import ANSWER_SECONDS, EMAILS, PUBLISHER
from tests.e2e.clean_logs import CLIENTS_TOKEN

VERSION = "api-version=2017-10-31"
KEY = {"x-functions-key": CLIENTS_TOKEN}
BEARER = {"Authorization": f"Bearer {CLIENTS_TOKEN}"}
JSON = {"Content-Type": "application/json"}
ACCEPT = {"Accept": "application/json"}
# What the strictest of them has in an enumeration; any other word ends it with an error.
KNOWN_STATES = {"notStarted", "running", "completed", "succeeded", "canceled", "failed"}
_DEADLINE_SECONDS = 240.0

type Members = dict[str, Any]
type Client = Callable[[str, str], Members]


def cancel_url(host: str, offer: str) -> str:
    return f"{host}/api/publishers/{PUBLISHER}/offers/{offer}/cancel?{VERSION}"


def send(method: str, url: str, headers: Mapping[str, str], data: str | None) -> requests.Response:
    """As they all do it: anything but 2xx is an error."""
    answer = requests.request(
        method, url, headers={**KEY, **headers}, data=data, timeout=ANSWER_SECONDS
    )
    answer.raise_for_status()
    return answer


def until(read: Callable[[], Members], is_over: Callable[[Members], bool]) -> Members:
    """Ask again and again, without their patience."""
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while not is_over(found := read()):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found


def by_location_header(host: str, offer: str) -> Members:
    """mash, up to version 8: no body, host and Location put together, every word but three goes on.

    While the operation runs it looks for the step that is in progress, to log it.
    """
    headers = {**ACCEPT, **BEARER, **JSON}
    location = send("POST", cancel_url(host, offer), headers, None).headers["Location"]

    def read() -> Members:
        found: Members = send("GET", f"{host}{location}", {**ACCEPT, **BEARER}, None).json()
        assert found["status"] in KNOWN_STATES
        if not has_ended(found):
            assert [step for step in found["steps"] if step["status"] == "inProgress"] == []
        return found

    def has_ended(found: Members) -> bool:
        return found["status"] in ("complete", "canceled", "failed")

    return until(read, has_ended)


def by_path_with_a_slash(host: str, offer: str) -> Members:
    """pub: no body, the operation asked for by its id, with a slash before the query."""
    answer = send("POST", cancel_url(host, offer), {**JSON, **BEARER}, None)
    path = f"/api/publishers/{PUBLISHER}/offers/{offer}/operations/{answer.json()['id']}/"
    return until(
        lambda: send("GET", f"{host}{path}?{VERSION}", {**JSON, **BEARER}, None).json(),
        lambda found: found["status"] not in ("notStarted", "running"),
    )


def by_an_empty_text(host: str, offer: str) -> Members:
    """openshift-ansible: a prepared request with an empty text for a body; 200, 201, 202 are well.

    It never reads the answer. Here its Location is followed.
    """
    headers = {**KEY, **JSON, **ACCEPT, **BEARER}
    with requests.Session() as session:
        prepared = session.prepare_request(
            requests.Request("POST", cancel_url(host, offer), data="", headers=headers)
        )
        answer = session.send(prepared, verify=True, timeout=ANSWER_SECONDS)
    assert answer.status_code in (200, 201, 202)
    return by_status_code(f"{host}{answer.headers['Location']}")


def by_saying_no_body(host: str, offer: str) -> Members:
    """azure-img-utils, version 1: says that there is no body; 200 and 202 are well."""
    headers = {**ACCEPT, **BEARER, **JSON, "Content-Length": "0"}
    answer = send("POST", cancel_url(host, offer), headers, None)
    return by_status_code(f"{host}{answer.headers['Location']}")


def by_status_code(url: str) -> Members:
    """Whatever has only the HTTP status to go by."""

    def read() -> Members:
        answer = send("GET", url, BEARER, None)
        return {**answer.json(), "over": answer.status_code == 200}

    return until(read, lambda found: bool(found["over"]))


def by_the_page(emails: str, where: Callable[[str, requests.Response], str]) -> Client:
    """A client written after Microsoft's page on the call: headers and body as they stand there.

    Args:
        emails: What its sample has for ``notification-emails``.
        where: Where it says that the status is.
    """

    def client(host: str, offer: str) -> Members:
        body = json.dumps({"metadata": {"notification-emails": emails}})
        answer = send("POST", cancel_url(host, offer), {**JSON, **BEARER}, body)
        assert answer.status_code in (200, 202)
        return by_status_code(where(host, answer))

    return client


def in_header(host: str, answer: requests.Response) -> str:
    """A relative path with its version, in the header Location."""
    return host + answer.headers["Location"]


def in_body(host: str, answer: requests.Response) -> str:
    """Where the text beside the table has it, whatever the header is called."""
    return host + str(answer.json()["location"])


def absolute_without_version(host: str, answer: requests.Response) -> str:
    """The form of the samples of 2018 and 2019: an absolute URL that has no version."""
    return in_body(host, answer).partition("?")[0]


CLIENTS: dict[str, Client] = {
    "mash": by_location_header,
    "pub": by_path_with_a_slash,
    "openshift-ansible": by_an_empty_text,
    "azure-img-utils": by_saying_no_body,
    "page-000": by_the_page("", in_header),
    "page-000-by-its-text": by_the_page("", in_body),
    "page-001": by_the_page(EMAILS, absolute_without_version),
    "page-002": by_the_page(EMAILS, in_header),
    "page-003": by_the_page(EMAILS, absolute_without_version),
    "page-004": by_the_page(EMAILS, in_header),
    "page-004-by-its-text": by_the_page(EMAILS, in_body),
}
