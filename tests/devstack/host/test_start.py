import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.devstack.host.sample_apps import (
    HTTP_ANSWER,
    HostProcess,
    eventually,
    http_trigger,
    queue_trigger,
    timer_trigger,
    write_function,
)

pytestmark = pytest.mark.integration

type StartHost = Callable[..., HostProcess]


def start_error(host: HostProcess) -> str:
    assert host.wait_for_end() == 1
    assert host.errors.startswith("error: ")
    assert "Traceback" not in host.errors + host.output
    return host.errors.removeprefix("error: ")


def write_http_function(app: Path, name: str = "Hello", code: str | None = None) -> None:
    answer = "def main(req):\n    return 'hello'\n"
    write_function(app, name, http_trigger(), HTTP_ANSWER, code=code or answer)


def test_a_folder_without_host_json_is_said_to_be_no_app(
    tmp_path: Path, start_host: StartHost
) -> None:
    assert "has no host.json" in start_error(start_host(tmp_path, ready=False))


def test_an_app_without_functions_is_refused(app: Path, start_host: StartHost) -> None:
    assert "has no functions" in start_error(start_host(app, ready=False))


def test_a_missing_connection_setting_is_named(app: Path, start_host: StartHost) -> None:
    write_function(app, "Work", queue_trigger("jobs"))

    error = start_error(start_host(app, ready=False))

    assert error.startswith("Work/function.json: setting JobStorage is missing")


def test_a_port_in_use_is_said_by_number(app: Path, start_host: StartHost) -> None:
    write_http_function(app)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        error = start_error(start_host(app, ready=False, port=port))

    assert error.startswith(f"port {port} is in use")


def test_a_binding_that_main_lacks_ends_the_start_with_the_runtimes_words(
    app: Path, start_host: StartHost
) -> None:
    write_http_function(app, code="def main(request): return ''")

    error = start_error(start_host(app, ready=False))

    assert error.startswith("Hello: FunctionLoadError: cannot load the Hello function")
    assert "declared in Python but not in function.json: {'request'}" in error


def test_an_import_error_ends_the_start_and_says_where(app: Path, start_host: StartHost) -> None:
    write_http_function(app, code="import no_such_package\ndef main(req): return ''")

    error = start_error(start_host(app, ready=False))

    assert error.startswith("Hello: ModuleNotFoundError: No module named 'no_such_package'.")
    assert "(at Hello/__init__.py, line " in error


def test_any_other_error_of_the_apps_code_ends_the_start_and_says_where(
    app: Path, start_host: StartHost
) -> None:
    write_http_function(app, code="nonsense")

    error = start_error(start_host(app, ready=False))

    assert error.startswith("Hello: NameError: name 'nonsense' is not defined (at Hello/")


def test_an_answer_of_another_type_than_the_runtime_knows_ends_the_start(
    app: Path, start_host: StartHost
) -> None:
    write_http_function(app, code="def main(req: func.QueueMessage) -> str: return ''")

    assert "does not match its Python annotation" in start_error(start_host(app, ready=False))


def test_ctrl_c_during_the_start_ends_it_without_a_word(app: Path, start_host: StartHost) -> None:
    code = """
    print(json.dumps({"event": "importing"}), flush=True)
    time.sleep(600)
    def main(req): return ""
    """
    write_http_function(app, code=code)
    host = start_host(app, ready=False)
    host.wait_for_events("importing")

    host.interrupt()

    assert host.wait_for_end() == 0
    assert host.errors == ""


def test_a_ready_host_says_where_it_is_and_what_it_runs(app: Path, start_host: StartHost) -> None:
    write_http_function(app)
    write_function(app, "Idle", timer_trigger("0 0 0 1 1 *"), code="def main(timer): pass")
    write_function(app, "Off", timer_trigger("0 0 0 1 1 *"), disabled=True)

    host = start_host(app)

    [ready] = host.events("host-ready")
    assert ready["functions"] == ["Hello", "Idle"]
    assert requests.get(f"{ready['url']}/api/hello", timeout=60).text == "hello"


def test_two_hosts_run_side_by_side_and_a_stopped_ones_port_is_free_again(
    app: Path, start_host: StartHost
) -> None:
    write_http_function(app)
    first, second = start_host(app), start_host(app)
    port = int(first.url.rsplit(":", 1)[1])
    assert requests.get(f"{first.url}/api/hello", timeout=60).text == "hello"
    first.interrupt()
    assert first.wait_for_end() == 0

    third = start_host(app, port=port)

    for host in (second, third):
        assert requests.get(f"{host.url}/api/hello", timeout=60).text == "hello"


def test_the_apps_own_folder_is_imported_from_and_is_the_current_one(
    app: Path, start_host: StartHost
) -> None:
    (app / "domain.py").write_text("NAME = 'mine'")
    code = "import os, domain\ndef main(req): return f'{domain.NAME} {os.getcwd()}'"
    write_http_function(app, code=code)

    answer = requests.get(f"{start_host(app).url}/api/hello", timeout=60).text

    assert answer == f"mine {app.resolve()}"


def test_json_objects_are_logged_alone_on_their_line_and_sdk_chatter_is_not(
    app: Path, start_host: StartHost
) -> None:
    code = """
    def main(req):
        logging.info('{"event": "a"}')
        logging.warning('{\\n"event":\\n"b"}')
        logging.getLogger("mine").error("{not json}")
        logging.getLogger("azure.core").info("chatter")
        logging.debug("detail")
        logging.info("said")
        return ""
    """
    write_http_function(app, code=code)
    host = start_host(app)
    requests.get(f"{host.url}/api/hello", timeout=60)

    host.wait_for_text("INFO root: said")

    lines = host.output.splitlines()[1:]
    assert lines == [
        '{"event": "a"}',
        '{"event": "b"}',
        "ERROR mine: {not json}",
        "INFO root: said",
    ]
    assert [json.loads(line)["event"] for line in lines[:2]] == ["a", "b"]


def test_what_a_thread_logs_without_its_invocations_context_is_lost_as_in_azure(
    app: Path, start_host: StartHost
) -> None:
    code = """
    from concurrent.futures import ThreadPoolExecutor
    from contextvars import copy_context

    def main(req: func.HttpRequest) -> str:
        with ThreadPoolExecutor() as workers:
            workers.submit(event, event="without")
            workers.submit(copy_context().run, lambda: event(event="with"))
        event(event="after")
        return ""
    """
    write_function(app, "Talk", http_trigger(), HTTP_ANSWER, code=code)
    host = start_host(app)
    assert requests.get(f"{host.url}/api/Talk", timeout=30).ok
    host.wait_for_events("after")
    assert host.events("with")
    assert not host.events("without")


def test_ctrl_c_ends_an_idle_host_at_once(app: Path, start_host: StartHost) -> None:
    write_http_function(app)
    write_function(app, "Idle", timer_trigger("0 0 0 1 1 *"), code="def main(timer): pass")
    host = start_host(app)

    host.interrupt()
    host.interrupt()

    assert host.wait_for_end() == 0
    assert host.errors == ""


def test_a_stopping_host_finishes_its_requests_and_takes_no_more(
    app: Path, tmp_path: Path, start_host: StartHost
) -> None:
    gate = tmp_path / "gate"
    code = (
        f"def main(req):\n    event(event='begun')\n    wait_for({str(gate)!r})\n    return 'done'"
    )
    write_http_function(app, code=code)
    host = start_host(app)
    port = int(host.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET /api/hello HTTP/1.1\r\nHost: here\r\n\r\n")
        host.wait_for_events("begun")
        host.interrupt()
        eventually(lambda: is_refused(port))

        gate.touch()

        with connection.makefile("rb") as answer:
            assert answer.readline() == b"HTTP/1.1 200 OK\r\n"
            assert answer.read().endswith(b"done")
    assert host.wait_for_end() == 0


def test_an_invocation_that_does_not_end_does_not_hold_up_the_stop(
    app: Path, start_host: StartHost
) -> None:
    code = "def main(req):\n    event(event='begun')\n    time.sleep(600)"
    write_http_function(app, code=code)
    host = start_host(app)
    port = int(host.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET /api/hello HTTP/1.1\r\nHost: here\r\n\r\n")
        host.wait_for_events("begun")

        host.interrupt()

        assert host.wait_for_end() == 0
    assert "still running" in host.output


def is_refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return True
    return False
