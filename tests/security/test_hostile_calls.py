"""Whatever is in a header or a query, nothing crashes, nothing is logged, nobody else is served."""

import http.client
import json
from collections.abc import Mapping
from contextlib import closing
from itertools import permutations
from urllib.parse import quote

import pytest

from devstack.stack import Stack
from shared.webhooks.secrets import Sender
from tests.description import proof_of
from tests.e2e.asking import ANSWER_SECONDS, Answered
from tests.e2e.clean_logs import CLIENTS_TOKEN, PASSWORD, REASON
from tests.e2e.seeing import Row, rows
from tests.payloads.deliveries import delivery

pytestmark = pytest.mark.integration

REQUEST_ID = "00000000-0000-4000-8000-000000000000"
OFFER = "/api/publishers/contoso/offers/hostile"
ROUTES = {
    "cancel": ("POST", f"{OFFER}/cancel"),
    "status": ("GET", f"{OFFER}/operations/{REQUEST_ID}"),
    "withdraw": ("DELETE", f"{OFFER}/operations/{REQUEST_ID}"),
    "list": ("GET", "/api/cancellations"),
    "page": ("GET", "/api/cancellations"),
    "webhook": ("POST", "/api/webhooks/gitlab/publishers/contoso/offers/hostile/cancel"),
}
CALLER = ("X-MS-CLIENT-PRINCIPAL", "X-MS-CLIENT-PRINCIPAL-ID", "X-MS-CLIENT-PRINCIPAL-IDP")
# Read one by one; what else there is comes all at once.
HEADERS = {
    "cancel": ("Idempotency-Key", "traceparent", "Content-Type"),
    "status": CALLER,
    "withdraw": CALLER,
    "list": ("Accept",),
    "page": ("Accept",),
    "webhook": ("Idempotency-Key", "X-Gitlab-Event-UUID", "traceparent", "Content-Type"),
}
OTHER_HEADERS = (
    *(*CALLER, "Authorization", "x-functions-key", "tracestate", "X-Forwarded-Host", "Cookie"),
    *("X-Hub-Signature-256", "X-GitHub-Event", "X-GitHub-Delivery"),
    *("webhook-id", "webhook-signature", "webhook-timestamp"),
)
FILTERS = ("publisherId", "offerId", "status", "outcome", "top", "continuation", "api-version")
MEMBERS = {
    "cancel": ("api-version",),
    "status": ("api-version",),
    "withdraw": ("api-version",),
    "list": FILTERS,
    "page": (*FILTERS, "id", "code"),
    "webhook": ("on", "reason", "operationId", "notification-emails", "api-version"),
}
OTHER_MEMBERS = ("sender", "requestId", "key", "metadata", "location", "callback")
ADDRESS = "eve@evil.example"
VALUES = (
    *(b"", b" ", b"*", b"\x00", b"\x7f\x1b[2J", b"\xff\xfe", "é\u202e\ufffe".encode(), b"9" * 400),
    *(ADDRESS.encode(), CLIENTS_TOKEN.encode(), PASSWORD.encode(), REASON.encode()),
    *(b"Bearer " + CLIENTS_TOKEN.encode(), b"Basic " + b"A" * 999, b"%s%n{0.__class__}"),
    *(b"<script>alert(1)</script>", b'"><img src=x onerror=alert(1)>', b"../../x", b"' or 1 eq 1"),
    *(b"{" * 3000, b"a," * 3000, b"=?utf-8?q?x?=", b"-1", b"NaN", b"1e9", b"v1,v1,v1 v1"),
    b"00-00000000000000000000000000000000-0000000000000000-00",
    b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-" + ADDRESS.encode(),
)
PAYLOAD = delivery("gitlab/pipeline.canceled.json").body
PROVEN = {"X-Gitlab-Token": proof_of("gitlab", PAYLOAD)["X-Gitlab-Token"]}


def send(stack: Stack, route: str, headers: Mapping[str, str | bytes], query: str = "") -> Answered:
    """One call; what headers are given takes the place of those that it would have."""
    method, path = ROUTES[route]
    usual: dict[str, str | bytes] = {"Accept": "text/html" if route == "page" else "*/*"}
    body = b""
    if route == "webhook":
        usual |= {**PROVEN, "Content-Type": "application/json"}
        query = f"on=pipeline.canceled&{query}"
        body = PAYLOAD
    connection = http.client.HTTPConnection("127.0.0.1", stack.host.port, timeout=ANSWER_SECONDS)
    with closing(connection):
        connection.putrequest(method, f"{path}?{query}", skip_accept_encoding=True)
        for name, value in {**usual, "Content-Length": str(len(body)), **headers}.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        with connection.getresponse() as answer:
            return Answered(answer.status, answer.headers, answer.read())


def assert_harmless(answered: Answered, sent: object) -> None:
    assert answered.status < 500, sent
    kind = answered.headers.get("Content-Type", "")
    if kind.startswith("application/json"):
        assert isinstance(json.loads(answered.body), dict)
    elif kind.startswith("text/html"):
        assert b"<script" not in answered.body.lower(), sent
        assert b"<img" not in answered.body.lower(), sent
        assert "default-src 'none'" in answered.headers["Content-Security-Policy"]
    for secret in (CLIENTS_TOKEN, PASSWORD):
        assert secret not in str(answered.headers)
    assert answered.headers.get("Location", OFFER).startswith(OFFER)


@pytest.mark.parametrize("route", ROUTES)
def test_no_header_harms(asleep: Stack, route: str) -> None:
    answers = set()
    for value in VALUES:
        each = ({name: value} for name in HEADERS[route])
        for headers in (dict.fromkeys(OTHER_HEADERS, value), *each):
            answered = send(asleep, route, headers)
            assert_harmless(answered, headers)
            answers.add(answered.status)
    assert answers & {200, 202, 404}, "none of them came further than the checks"
    assert_nobody_else_was_served(asleep)


@pytest.mark.parametrize("route", ROUTES)
def test_no_member_of_the_query_harms(asleep: Stack, route: str) -> None:
    for value in map(quote, VALUES):
        others = "&".join(f"{name}={value}" for name in OTHER_MEMBERS)
        for query in (others, *(f"{name}={value}" for name in MEMBERS[route])):
            assert_harmless(send(asleep, route, {}, query), query)
    assert_nobody_else_was_served(asleep)


def assert_nobody_else_was_served(stack: Stack) -> None:
    """Every row is of the one offer, by the way it came, without a key or a bad trace in it."""
    found = rows(stack)
    assert {(row["publisherId"], row["offerId"]) for row in found} <= {("contoso", "hostile")}
    assert {row["source"] for row in found} <= {"http", "gitlab-webhook"}
    for row in found:
        assert row.get("traceparent", "").count("-") in (0, 3)
        told: Row = {name: row[name] for name in row.keys() - {"reason", "emails"}}
        for text in (ADDRESS, CLIENTS_TOKEN, PASSWORD, "<script"):
            assert text not in str(told)


@pytest.mark.parametrize(("sender", "other"), list(permutations(Sender, 2)), ids=str)
def test_the_proof_of_one_sender_proves_nothing_of_another(
    asleep: Stack, sender: Sender, other: Sender
) -> None:
    path = f"/api/webhooks/{sender}/publishers/contoso/offers/hostile/cancel?on=pipeline"
    headers = {"Content-Type": "application/json", **proof_of(other, PAYLOAD)}
    connection = http.client.HTTPConnection("127.0.0.1", asleep.host.port, timeout=ANSWER_SECONDS)
    with closing(connection):
        connection.request("POST", path, PAYLOAD, headers)
        with connection.getresponse() as answer:
            assert answer.status == 401
