from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
import requests

from tests.devstack.host.sample_apps import HostProcess, timer_trigger, write_function

pytestmark = pytest.mark.integration

type StartHost = Callable[..., HostProcess]

EVERY_SECOND = "* * * * * *"
NEVER_IN_A_TEST = "0 0 0 29 2 *"


def test_a_timer_ticks_on_its_schedule(app: Path, start_host: StartHost) -> None:
    code = """
    def main(timer: func.TimerRequest) -> None:
        event(event="tick", late=timer.past_due, status=timer.schedule_status)
    """
    write_function(app, "Tick", timer_trigger("%EVERY%"), code=code)

    ticks = start_host(app, EVERY=EVERY_SECOND).wait_for_events("tick", 3)

    assert [tick["late"] for tick in ticks] == [False] * len(ticks)
    assert ticks[0]["status"]["Last"] is None
    due = [datetime.fromisoformat(tick["status"]["Last"]) for tick in ticks[1:]]
    assert due == sorted(set(due))
    assert all(moment.microsecond == 0 and moment.utcoffset() is not None for moment in due)


def test_a_run_that_outlasts_the_schedule_is_never_overlapped(
    app: Path, start_host: StartHost
) -> None:
    code = """
    def main(timer):
        event(event="run", at="start")
        time.sleep(1.3)
        event(event="run", at="end")
    """
    write_function(app, "Slow", timer_trigger(EVERY_SECOND), code=code)

    runs = start_host(app).wait_for_events("run", 5)

    assert [run["at"] for run in runs[:5]] == ["start", "end", "start", "end", "start"]


def test_a_run_that_fails_is_logged_and_the_next_one_comes(
    app: Path, start_host: StartHost
) -> None:
    code = """
    def main(timer):
        event(event="run")
        raise ValueError("as asked")
    """
    write_function(app, "Broken", timer_trigger(EVERY_SECOND), code=code)
    host = start_host(app)

    host.wait_for_events("run", 3)

    host.wait_for_text(r"ERROR Function\.Broken: invocation \S+ failed: ValueError: as asked")


def test_a_timer_is_fired_by_hand(app: Path, start_host: StartHost) -> None:
    code = "def main(timer: func.TimerRequest):\n    event(event='run', next=timer.schedule_status)"
    write_function(app, "Tick", timer_trigger(NEVER_IN_A_TEST), code=code)
    host = start_host(app)

    answers = [
        requests.post(f"{host.url}/admin/functions/{name}", data=body, timeout=60)
        for name, body in (("Tick", b'{"input": "ignored"}'), ("tick", b""))
    ]

    assert [(answer.status_code, answer.content) for answer in answers] == [(202, b"")] * 2
    host.wait_for_events("run", 2)


def test_a_function_over_its_time_ends_the_host_with_an_error_event(
    app: Path, start_host: StartHost
) -> None:
    (app / "host.json").write_text('{"version": "2.0", "functionTimeout": "00:00:01"}')
    write_function(
        app, "Stuck", timer_trigger(EVERY_SECOND), code="def main(timer):\n    time.sleep(600)"
    )
    host = start_host(app)

    assert host.wait_for_end() == 3

    [event] = host.events("function-timeout")
    assert (event["function"], event["functionTimeoutSeconds"]) == ("Stuck", 1.0)
    assert host.errors == ""
