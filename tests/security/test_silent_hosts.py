"""No token and no request goes anywhere but to Partner Center, whoever says where to go.

The app runs in the real host with real storage. Beside Partner Center another host listens, which
everything hostile points at: Locations, redirects, queue messages, proxies, ``.netrc``.
"""

import json
from collections.abc import Iterator
from itertools import cycle

import pytest

from devstack.stack import DEFAULT_RECIPIENT, Stack
from shared.queues import CANCEL_REQUESTS, PENDING_CANCELLATIONS
from tests.e2e.asking import ask, enqueue, message_for
from tests.e2e.clean_logs import assert_clean
from tests.e2e.seeing import event_of, outcome_of
from tests.integration.raw_server import RawServer, http_answer
from tests.security.hostile_center import HostileCenter
from tests.shared.builders import OTHER_ID, TARGET_ID

pytestmark = pytest.mark.integration

REDIRECTS = (301, 307)
TOKEN = "the-token-that-must-not-leave"
OWN = f"/api/publishers/contoso/offers/OFFER/operations/{OTHER_ID}?api-version=2017-10-31"


def locations(center: HostileCenter, elsewhere: RawServer) -> dict[str, str]:
    """What an attacker may say instead of a Location; OFFER stands for the offer."""
    evil, port = f"127.0.0.1:{elsewhere.port}", elsewhere.port
    return {
        "absolute": f"http://{evil}{OWN}",
        "no-scheme": f"//{evil}{OWN}",
        "three-slashes": f"///{evil}{OWN}",
        "userinfo": f"http://127.0.0.1:{center.port}@{evil}{OWN}",
        "our-origin-as-user": f"{center.url}@{evil}{OWN}",
        "our-origin-and-port": f"{center.url}:@{evil}{OWN}",
        "backslashes": f"\\\\{evil}{OWN}",
        "backslash-at": f"{center.url}\\@{evil}{OWN}",
        "another-port": f"http://127.0.0.1:{port}{OWN}",
        "localhost": f"http://localhost:{port}{OWN}",
        "as-a-number": f"http://2130706433:{port}{OWN}",
        "wide-dots": f"http://127\u30020\u30020\u30021:{port}{OWN}",
        "encoded-slashes": f"/%2f{evil}{OWN}",
        "climbing": f"/api/../../{evil}{OWN}",
        "at-in-front": f"@{evil}{OWN}",
        "port-in-front": f":{port}{OWN}",
        "query": f"{OWN}&next=http://{evil}/",
        "fragment": f"{OWN}#http://{evil}/",
        "tab": f"/\t/{evil}{OWN}",
        "another-publisher": OWN.replace("contoso", "fabrikam"),
        "script": f"javascript:location='http://{evil}'",
    }


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[RawServer]:
    with RawServer(lambda connection: connection.sendall(http_answer(200, b"[]"))) as server:
        yield server
        assert server.connections == 0


@pytest.fixture(scope="module")
def center() -> Iterator[HostileCenter]:
    with HostileCenter() as server:
        yield server


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory, center: HostileCenter, elsewhere: RawServer
) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("hostile")
    netrc = folder / "netrc"
    netrc.write_text("default login eve password of-the-netrc\n", encoding="utf-8")
    netrc.chmod(0o600)
    proxies = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    settings = {
        "POLL_SCHEDULE": "*/1 * * * * *",
        "RETRY_FIRST_SECONDS": "1",
        "PARTNER_CENTER_URL": center.url,
        "PARTNER_CENTER_STATIC_TOKEN": TOKEN,
        "NETRC": str(netrc),
        "REQUESTS_CA_BUNDLE": str(folder / "no-such-bundle"),
        "CURL_CA_BUNDLE": str(folder / "no-such-bundle"),
        **dict.fromkeys((*proxies, *map(str.lower, proxies)), elsewhere.url),
    }
    with Stack(folder / "stack", settings=settings) as running:
        yield running
    assert_clean(running)
    assert TOKEN not in running.host.log.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def asked(stack: Stack, center: HostileCenter, elsewhere: RawServer) -> dict[str, str]:
    """Ids of requests for hostile offers, by what is hostile; all are under way at once."""
    ids = {}
    places = cycle(("Location", "Operation-Location", "body"))
    for (offer, value), where in zip(locations(center, elsewhere).items(), places, strict=False):
        ids[offer] = _ask_for(stack, center, offer, where, value.replace("OFFER", offer))
    for status in REDIRECTS:
        offer = f"redirect-{status}"
        away = http_answer(status, Location=f"{elsewhere.url}/api", Refresh=f"0;{elsewhere.url}")
        center.redirects[offer] = away
        ids[offer] = ask(stack, offer)
        center.leads[f"post-{status}"] = away
    return ids


def _ask_for(stack: Stack, center: HostileCenter, offer: str, where: str, value: str) -> str:
    if where == "body":
        center.leads[offer] = http_answer(
            202, json.dumps({"location": value, "id": value}).encode(), Retry_After="1"
        )
    else:
        raw = value.encode("utf-8").decode("latin-1")
        center.leads[offer] = _with_raw_header(where, raw)
    return ask(stack, offer)


def _with_raw_header(name: str, value: str) -> bytes:
    head = "HTTP/1.1 202 Taken\r\nContent-Length: 0\r\nConnection: close\r\nRetry-After: 1\r\n"
    return f"{head}{name}: {value}\r\n\r\n".encode("latin-1")


def test_whatever_a_location_says_the_target_is_followed_at_home(
    stack: Stack, asked: dict[str, str], elsewhere: RawServer
) -> None:
    assert len(asked) > 20
    for offer, request_id in asked.items():
        assert (offer, outcome_of(stack, request_id)) == (offer, "canceled")
    assert elsewhere.connections == 0


def test_a_cancel_call_that_is_redirected_is_not_sent_again_elsewhere(
    stack: Stack, asked: dict[str, str], center: HostileCenter, elsewhere: RawServer
) -> None:
    for status in REDIRECTS:
        outcome_of(stack, ask(stack, f"post-{status}"))
    assert elsewhere.connections == 0


def test_a_pending_message_by_an_attacker_leads_nowhere(
    stack: Stack, center: HostileCenter, elsewhere: RawServer
) -> None:
    ids = {}
    for number, value in enumerate(locations(center, elsewhere).values()):
        offer, request_id = f"pending-{number}", f"{number:08x}-0000-4000-8000-000000000000"
        message = {
            "publisherId": "contoso",
            "offerId": offer,
            "requestId": request_id,
            "requestedAt": "2026-11-01T00:00:00Z",
            "location": value.replace("OFFER", offer),
            "targetOperationId": TARGET_ID,
            "notificationEmails": ["eve@evil.example", "a@example.com\r\nRCPT TO:<e@evil.example>"],
        }
        ids[offer] = request_id
        center.leads[offer] = http_answer(202)
        enqueue(stack, json.dumps(message), PENDING_CANCELLATIONS)
    for request_id in ids.values():
        event_of(stack, request_id, "mail-sent")
    assert elsewhere.connections == 0
    assert {recipient for mail in stack.mailbox.mails() for recipient in mail.recipients} <= {
        *("ana@example.com", "bob@example.com"),
        DEFAULT_RECIPIENT,
    }


@pytest.mark.parametrize(
    "members",
    [
        {"publisherId": "..", "offerId": "x"},
        {"publisherId": "a@127.0.0.1:PORT", "offerId": "x"},
        {"publisherId": "contoso/../..//127.0.0.1:PORT", "offerId": "x"},
        {"publisherId": "contoso", "offerId": "//127.0.0.1:PORT/x"},
        {"publisherId": "contoso", "offerId": "x?y=http://127.0.0.1:PORT"},
        {"publisherId": "contoso\r\nHost: 127.0.0.1:PORT", "offerId": "x"},
        {"publisherId": "contoso", "offerId": "x", "operationId": "//127.0.0.1:PORT/x"},
        {"publisherId": "contoso", "offerId": "x", "location": "http://127.0.0.1:PORT/"},
    ],
    ids=str,
)
def test_ids_of_an_attackers_message_lead_nowhere(
    stack: Stack, elsewhere: RawServer, members: dict[str, str]
) -> None:
    offer_members = json.dumps(members).replace("PORT", str(elsewhere.port))
    text = message_for("x", **json.loads(offer_members))
    message_id = enqueue(stack, text, CANCEL_REQUESTS)
    is_good = "location" in members
    event_of(stack, message_id, "mail-sent" if is_good else "message-poisoned")
    assert elsewhere.connections == 0


def test_partner_center_itself_heard_only_of_the_offers_and_with_the_one_token(
    stack: Stack, asked: dict[str, str], center: HostileCenter
) -> None:
    outcome_of(stack, asked["absolute"])
    for heard in center.heard:
        assert heard.target.startswith("/api/publishers/contoso/offers/")
        assert "//" not in heard.target
        assert heard.headers["authorization"] == f"bearer {TOKEN}"
        assert heard.headers["host"] == f"127.0.0.1:{center.port}"
