import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from devstack.host.http_messages import MAX_BODY_BYTES
from tests.devstack.host.sample_apps import (
    HTTP_ANSWER,
    HostProcess,
    http_trigger,
    timer_trigger,
    write_app,
    write_function,
)

pytestmark = pytest.mark.integration

ECHO = """
def main(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    seen = {
        "method": req.method,
        "url": req.url,
        "query": dict(req.params),
        "route": dict(req.route_params),
        "headers": dict(req.headers),
        "body": req.get_body().decode("latin-1"),
        "function": context.function_name,
    }
    return func.HttpResponse(json.dumps(seen), status_code=201, mimetype="application/json")
"""

ANSWERS = """
def main(req: func.HttpRequest) -> func.HttpResponse:
    kind = req.route_params["kind"]
    if kind == "raise":
        raise ValueError("as asked")
    if kind == "cookies":
        answer = func.HttpResponse("ok")
        answer.headers.add("Set-Cookie", "a=1; Path=/p; HttpOnly; Secure; SameSite=Strict")
        answer.headers.add("Set-Cookie", "b=2; Max-Age=60; Expires=Wed, 01 Jan 2031 00:00:00 GMT")
        return answer
    if kind == "lengths":
        return func.HttpResponse("four", headers={"Content-Length": "999", "X-Kept": "yes"})
    return {
        "bytes": lambda: func.HttpResponse(b"\\x00\\xff", mimetype="application/octet-stream"),
        "empty": lambda: func.HttpResponse(status_code=204),
        "split": lambda: func.HttpResponse("x", headers={"X-Bad": "a\\r\\nX-Injected: yes"}),
        "wide": lambda: func.HttpResponse("x", headers={"X-Bad": "\\u20ac"}),
        "status": lambda: func.HttpResponse("x", status_code=42),
        "nothing": lambda: None,
    }[kind]()
"""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostProcess]:
    folder = tmp_path_factory.mktemp("http")
    app = write_app(folder / "app")
    methods = ["get", "post", "head"]
    write_function(app, "Echo", http_trigger("echo/{id}/of", methods), HTTP_ANSWER, code=ECHO)
    write_function(app, "Answers", http_trigger("answers/{kind}"), HTTP_ANSWER, code=ANSWERS)
    text = "def main(req) -> str:\n    return 'grüezi'"
    write_function(app, "Text", http_trigger(), HTTP_ANSWER, code=text)
    coroutine = "async def main(req):\n    return 'async'"
    write_function(app, "Coroutine", http_trigger(), HTTP_ANSWER, code=coroutine)
    write_function(app, "Tick", timer_trigger("0 0 0 1 1 *"), code="def main(timer): pass")
    process = HostProcess(app, folder / "host")
    try:
        process.wait_for_events("host-ready")
        yield process
    finally:
        process.kill()


def exchange(host: HostProcess, request: bytes) -> bytes:
    """Send bytes as they are, and return all that comes back."""
    port = int(host.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(request)
        with connection.makefile("rb") as answer:
            return answer.read()


def get_as_written(host: HostProcess, target: str) -> bytes:
    request = f"GET {target} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"
    return exchange(host, request.encode())


def echo(host: HostProcess, target: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(get_as_written(host, target).split(b"\r\n\r\n", 1)[1])
    return answer


def test_a_function_sees_the_whole_request(host: HostProcess) -> None:
    answer = requests.post(
        f"{host.url}/api/echo/a%20b%C3%BC/of?x=1&X=2&x=&empty=&sp=a+b",
        data=b"\x00\xffbody",
        headers={"X-Mixed-Case": "Kept"},
        timeout=60,
    )

    assert answer.status_code == 201
    assert answer.headers["Content-Type"] == "application/json"
    seen = answer.json()
    assert seen["method"] == "POST"
    assert seen["url"] == f"{host.url}/api/echo/a%20b%C3%BC/of?x=1&X=2&x=&empty=&sp=a+b"
    assert seen["query"] == {"x": "1,2", "sp": "a b"}
    assert seen["route"] == {"id": "a bü"}
    assert seen["headers"]["x-mixed-case"] == "Kept"
    assert seen["body"] == "\x00\xffbody"
    assert seen["function"] == "Echo"


def test_a_header_given_twice_is_joined(host: HostProcess) -> None:
    request = (
        b"GET /api/echo/1/of HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nX-A: 2\r\nConnection: close\r\n\r\n"
    )

    seen = json.loads(exchange(host, request).split(b"\r\n\r\n", 1)[1])

    assert seen["headers"]["x-a"] == "1,2"


def test_a_body_in_chunks_arrives_whole(host: HostProcess) -> None:
    answer = requests.post(f"{host.url}/api/echo/1/of", data=iter([b"ab", b"cd"]), timeout=60)

    assert answer.json()["body"] == "abcd"


def test_an_encoded_slash_stays_encoded_and_dots_are_resolved(host: HostProcess) -> None:
    assert echo(host, "/api/echo/..%2F..%2Fetc/of")["route"] == {"id": "..%2F..%2Fetc"}
    assert echo(host, "/api/x/%2e%2e/echo/1/of")["route"] == {"id": "1"}
    assert echo(host, "/API/Echo/%FF/OF")["route"] == {"id": "%FF"}


@pytest.mark.parametrize(
    "target",
    ["/", "/api", "/api/echo/1", "/echo/1/of", "/api/echo/../of", "/api/echo//of", "/admin", "*"],
)
def test_a_path_of_no_function_is_not_found(host: HostProcess, target: str) -> None:
    assert get_as_written(host, target).startswith(b"HTTP/1.1 404 ")


def test_a_method_that_a_function_does_not_take_is_not_found(host: HostProcess) -> None:
    assert requests.delete(f"{host.url}/api/echo/1/of", timeout=60).status_code == 404
    assert requests.head(f"{host.url}/api/echo/1/of", timeout=60).status_code == 201


@pytest.mark.parametrize("target", ["/api/echo/%00/of", "/api/echo/\x7f/of", "no-slash http"])
def test_a_path_that_nobody_can_read_is_a_bad_request(host: HostProcess, target: str) -> None:
    assert get_as_written(host, target).startswith(b"HTTP/1.1 400 ")


def test_a_function_that_fails_answers_500_without_a_body_and_is_logged(host: HostProcess) -> None:
    answer = requests.get(f"{host.url}/api/answers/raise", timeout=60)

    assert (answer.status_code, answer.content) == (500, b"")
    host.wait_for_text(r"ERROR Function\.Answers: invocation \S+ failed: ValueError: as asked\n")


@pytest.mark.parametrize("kind", ["split", "wide", "status", "nothing"])
def test_an_answer_that_http_cannot_carry_is_a_failure(host: HostProcess, kind: str) -> None:
    answer = requests.get(f"{host.url}/api/answers/{kind}", timeout=60)

    assert (answer.status_code, answer.content) == (500, b"")
    assert "X-Injected" not in answer.headers
    host.wait_for_text(r"ERROR Function\.Answers: ")


def test_an_answer_keeps_its_bytes_headers_and_cookies(host: HostProcess) -> None:
    assert requests.get(f"{host.url}/api/answers/bytes", timeout=60).content == b"\x00\xff"
    assert requests.get(f"{host.url}/api/answers/empty", timeout=60).status_code == 204
    lengths = requests.get(f"{host.url}/api/answers/lengths", timeout=60)
    assert (lengths.text, lengths.headers["X-Kept"]) == ("four", "yes")
    cookies = get_as_written(host, "/api/answers/cookies").decode()
    assert "set-cookie: a=1; HttpOnly; Path=/p; SameSite=strict; Secure\r\n" in cookies
    assert "set-cookie: b=2; expires=Wed, 01 Jan 2031 00:00:00 GMT; Max-Age=60\r\n" in cookies


def test_a_function_may_answer_with_text_alone(host: HostProcess) -> None:
    answer = requests.get(f"{host.url}/api/text", timeout=60)

    assert (answer.status_code, answer.text) == (200, "grüezi")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert requests.get(f"{host.url}/api/coroutine", timeout=60).text == "async"


def test_a_body_over_the_limit_is_refused_before_it_is_sent(host: HostProcess) -> None:
    head = (
        f"POST /api/echo/1/of HTTP/1.1\r\nHost: h\r\nContent-Length: {MAX_BODY_BYTES + 1}\r\n\r\n"
    )

    assert exchange(host, head.encode()).startswith(b"HTTP/1.1 413 ")


def test_a_client_that_leaves_early_does_no_harm(host: HostProcess) -> None:
    port = int(host.url.rsplit(":", 1)[1])
    head = b"POST /api/echo/1/of HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nfour"
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(head)

    assert requests.get(f"{host.url}/api/text", timeout=60).status_code == 200
    assert "Exception in ASGI" not in host.output
    assert host.errors == ""


def test_an_http_function_cannot_be_fired_by_hand(host: HostProcess) -> None:
    answer = requests.post(f"{host.url}/admin/functions/Text", json={"input": ""}, timeout=60)

    assert answer.status_code == 400
    assert answer.text == "Text has an HTTP trigger: call its route instead"


@pytest.mark.parametrize("body", [b"[]", b'{"input": 1}', b"{", b"\xff"])
def test_firing_by_hand_with_a_wrong_body_is_a_bad_request(host: HostProcess, body: bytes) -> None:
    answer = requests.post(f"{host.url}/admin/functions/Tick", data=body, timeout=60)

    assert answer.status_code == 400
    assert answer.text.startswith('the body must be {"input": "<text>"}: ')


def test_a_function_that_is_not_there_cannot_be_fired(host: HostProcess) -> None:
    assert requests.post(f"{host.url}/admin/functions/None", timeout=60).status_code == 404
    assert requests.get(f"{host.url}/admin/functions/Tick", timeout=60).status_code == 404


def test_without_a_route_prefix_routes_begin_at_the_root(tmp_path: Path) -> None:
    app = write_app(tmp_path / "app")
    host_json = {"version": "2.0", "extensions": {"http": {"routePrefix": ""}}}
    (app / "host.json").write_text(json.dumps(host_json))
    write_function(app, "Text", http_trigger(), HTTP_ANSWER, code="def main(req): return 'root'")
    process = HostProcess(app, tmp_path / "host")
    try:
        process.wait_for_events("host-ready")
        assert requests.get(f"{process.url}/text", timeout=60).text == "root"
    finally:
        process.kill()


def test_an_async_function_that_blocks_holds_up_no_other_request(tmp_path: Path) -> None:
    app = write_app(tmp_path / "app")
    gate = tmp_path / "gate"
    blocking = f"async def main(req):\n    event(event='blocked')\n    wait_for({str(gate)!r})"
    write_function(app, "Blocking", http_trigger(), HTTP_ANSWER, code=blocking + "\n    return ''")
    process = HostProcess(app, tmp_path / "host")
    try:
        process.wait_for_events("host-ready")
        port = int(process.url.rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(
                b"GET /api/blocking HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
            )
            process.wait_for_events("blocked")
            assert requests.get(f"{process.url}/", timeout=60).status_code == 404
            gate.touch()
            with connection.makefile("rb") as answer:
                assert answer.read().startswith(b"HTTP/1.1 200 ")
    finally:
        process.kill()
