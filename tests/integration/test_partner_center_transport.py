"""One exchange and its bounds: in time, in size, and in where it goes."""

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from shared.errors import NotSentError, TransientError
from shared.partner_center.client import CloudPartnerPortal
from shared.partner_center.credentials import StaticTokens
from shared.partner_center.transport import MAX_BODY_BYTES
from tests.integration.raw_server import RawServer, ScriptedHttp, http_answer, read_request

pytestmark = pytest.mark.integration

OFFER = ("contoso", "contoso-vm")
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
DRIPS = 600
DRIP_SECONDS = 0.05


def client_of(server: RawServer, seconds: float = 30) -> CloudPartnerPortal:
    return CloudPartnerPortal(
        server.url, StaticTokens("token"), read_seconds=seconds, cancel_seconds=seconds
    )


def dripping(start: bytes, drip: bytes, end: bytes) -> Callable[[socket.socket], None]:
    """An answer that would be whole in half a minute, a bit at a time."""

    def talk(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(start)
        for _ in range(DRIPS):
            time.sleep(DRIP_SECONDS)
            connection.sendall(drip)
        connection.sendall(end)

    return talk


TOO_SLOW = {
    "silence": dripping(b"", b"", HEAD + b"Content-Length: 2\r\n\r\n[]"),
    "status-line": dripping(b"HTTP/1.1 200 ", b"O", b"K\r\nContent-Length: 2\r\n\r\n[]"),
    "header": dripping(HEAD + b"X-Long: ", b"x", b"\r\nContent-Length: 2\r\n\r\n[]"),
    "headers": dripping(HEAD, b"X: y\r\n", b"Content-Length: 2\r\n\r\n[]"),
    "continue": dripping(
        b"", b"HTTP/1.1 100 Continue\r\n\r\n", HEAD + b"Content-Length: 0\r\n\r\n"
    ),
    "body": dripping(HEAD + b"Content-Length: %d\r\n\r\n[]" % (DRIPS + 2), b" ", b""),
    "chunked": dripping(
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n", b"1\r\n \r\n", b"0\r\n\r\n"
    ),
    "chunk-size": dripping(
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0", b"2\r\n[]\r\n0\r\n\r\n"
    ),
    "until-close": dripping(HEAD + b"Connection: close\r\n\r\n[]", b" ", b""),
}


@pytest.fixture(autouse=True)
def no_thread_stays_behind() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    left = set(threading.enumerate()) - before
    for thread in left:
        thread.join(30)
    assert not any(thread.is_alive() for thread in left)


@pytest.mark.parametrize("talk", TOO_SLOW.values(), ids=TOO_SLOW)
def test_the_deadline_holds_for_the_whole_answer(talk: Callable[[socket.socket], None]) -> None:
    with RawServer(talk) as server:
        client = client_of(server, 0.3)
        with pytest.raises(TransientError) as raised:
            client.list_operations(*OFFER)
        assert type(raised.value) is TransientError
        with pytest.raises(TransientError) as raised:
            client.cancel(*OFFER, "")
        assert type(raised.value) is TransientError  # it may have been carried out
        assert server.connections == 2  # and nothing was sent twice


def test_a_deadline_ends_no_other_threads_call() -> None:
    def talk(connection: socket.socket) -> None:
        if b"/slow-offer/" in read_request(connection):
            time.sleep(1.0)
        connection.sendall(http_answer(200, b"[]"))

    with RawServer(talk) as server, ThreadPoolExecutor(4) as workers:
        patient, hasty = client_of(server), client_of(server, 0.2)
        slow = workers.submit(patient.list_operations, "contoso", "slow-offer")
        for _ in range(3):
            with pytest.raises(TransientError):
                hasty.list_operations("contoso", "slow-offer")
        assert patient.list_operations("contoso", "quick-offer") == ()
        assert slow.result() == ()


def test_a_connection_is_used_again_and_its_loss_is_no_answer() -> None:
    def talk(connection: socket.socket) -> None:
        for _ in range(2):
            read_request(connection)
            connection.sendall(HEAD + b"Content-Length: 2\r\n\r\n[]")

    with RawServer(talk) as server:
        client = client_of(server)
        assert client.list_operations(*OFFER) == client.list_operations(*OFFER) == ()
        assert server.connections == 1


TOO_LARGE = {
    "announced": http_answer(200, b"[]" + b" " * MAX_BODY_BYTES),
    "chunked": HEAD
    + b"Transfer-Encoding: chunked\r\n\r\n"
    + b"10000\r\n%b\r\n" % (b" " * 65536) * 17
    + b"2\r\n[]\r\n0\r\n\r\n",
    "until-close": HEAD + b"Connection: close\r\n\r\n[]" + b" " * MAX_BODY_BYTES,
}


@pytest.mark.parametrize("answer", TOO_LARGE.values(), ids=TOO_LARGE)
def test_a_body_over_1_mib_is_not_read(answer: bytes) -> None:
    with ScriptedHttp(answer) as server, pytest.raises(TransientError, match="larger"):
        client_of(server).list_operations(*OFFER)


def test_a_body_of_1_mib_is_read() -> None:
    with ScriptedHttp(http_answer(200, b"[]" + b" " * (MAX_BODY_BYTES - 2))) as server:
        assert client_of(server).list_operations(*OFFER) == ()


def test_a_packed_body_is_not_unpacked() -> None:
    packed = gzip.compress(b"[]" + b" " * 10 * MAX_BODY_BYTES)
    answer = http_answer(200, packed, Content_Encoding="gzip")
    with ScriptedHttp(answer) as server, pytest.raises(TransientError, match="unreadable"):
        client_of(server).list_operations(*OFFER)


BROKEN = {
    "hung-up": b"",
    "half-a-status-line": b"HTTP/1.1 20",
    "half-a-body": HEAD + b"Content-Length: 100\r\n\r\n[]",
    "half-a-chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n64\r\n[]",
    "no-http": b"220 mail.contoso.com ESMTP\r\n",
    "bad-chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n[]\r\n",
    "too-many-headers": HEAD + b"X: y\r\n" * 1000 + b"\r\n",
    "too-long-a-header": HEAD + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
def test_an_answer_that_is_lost_or_broken_may_mean_that_the_call_arrived(answer: bytes) -> None:
    with ScriptedHttp(answer) as server:
        with pytest.raises(TransientError) as raised:
            client_of(server).cancel(*OFFER, "")
        assert type(raised.value) is TransientError
        assert raised.value.status_code is None
        assert server.connections == 1


def test_a_connection_that_is_refused_means_that_nothing_was_sent() -> None:
    with closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))
        origin = f"http://127.0.0.1:{bound.getsockname()[1]}"
        client = CloudPartnerPortal(origin, StaticTokens("token"))
        for call in (
            lambda: client.list_operations(*OFFER),
            lambda: client.cancel(*OFFER, ""),
        ):
            with pytest.raises(NotSentError) as raised:
                call()
            assert raised.value.status_code is None
            assert "token" not in str(raised.value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_nowhere(status: int) -> None:
    with RawServer(lambda _: None) as elsewhere:
        away = http_answer(status, Location=f"{elsewhere.url}/api", Refresh="0")
        with ScriptedHttp(away) as server:
            client = client_of(server)
            with pytest.raises(TransientError):
                client.list_operations(*OFFER)
            with pytest.raises(TransientError):
                client.cancel(*OFFER, "")
            assert len(server.requests) == 2
        assert elsewhere.connections == 0


def test_a_redirect_to_the_same_host_is_not_followed_either() -> None:
    with ScriptedHttp() as server:
        server.answer(http_answer(302, Location="/api/elsewhere"))
        with pytest.raises(TransientError):
            client_of(server).list_operations(*OFFER)
        assert len(server.requests) == 1


def test_the_environments_proxies_and_netrc_are_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login evil password evil\ndefault login e password e\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with RawServer(lambda _: None) as proxy, ScriptedHttp(http_answer(200, b"[]")) as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
            monkeypatch.setenv(name.lower(), proxy.url)
        assert client_of(server).list_operations(*OFFER) == ()
        assert b"Authorization: Bearer token\r\n" in server.requests[0]
        assert server.requests[0].startswith(b"GET /api/")
        assert proxy.connections == 0


def test_a_cookie_that_is_set_goes_to_no_other_host() -> None:
    cookie = http_answer(200, b"[]", Set_Cookie="a=b; Domain=127.0.0.1; Path=/")
    with ScriptedHttp(cookie) as server, ScriptedHttp(http_answer(200, b"[]")) as other:
        client_of(server).list_operations(*OFFER)
        client_of(other).list_operations(*OFFER)
        assert b"Cookie" not in other.requests[0]
