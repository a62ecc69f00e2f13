"""Who is let in, what is recorded, going down and coming back, and the admin path."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from devstack.errors import PortInUseError
from devstack.partner_center import OperationRunningError, ScenarioError, Simulator, State
from devstack.partner_center.visitor import Visitor

pytestmark = pytest.mark.integration

TOKEN = "secret"
VERSION = "api-version=2017-10-31"
STATUS = "/api/publishers/contoso/offers/vm/status"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def fresh() -> Iterator[Simulator]:
    """A simulator of the test's own, which it may take down."""
    with Simulator(token=TOKEN, publishers=("fabrikam",)) as fresh:
        fresh.create_offer("contoso", "vm", "cancels-after-202")
        yield fresh


def get(
    simulator: Simulator, path: str, token: str = TOKEN, query: str = VERSION
) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.get(f"{simulator.url}{path}?{query}", headers=headers, timeout=10)


@pytest.mark.parametrize("token", ["", "wrong"])
def test_without_the_right_token_nobody_is_let_in(fresh: Simulator, token: str) -> None:
    answer = get(fresh, STATUS, token)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "Unauthorized")


@pytest.mark.parametrize("query", ["", "api-version=2016-08-01-preview"])
def test_another_api_version_is_refused_with_the_allowed_one(fresh: Simulator, query: str) -> None:
    answer = get(fresh, STATUS, query=query)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "InvalidAPIVersion")
    assert "[2017-10-31]" in error["message"]


def test_an_unknown_publisher_is_forbidden_and_an_unknown_offer_not_found(
    fresh: Simulator,
) -> None:
    assert get(fresh, "/api/publishers/unknown/offers/vm/status").status_code == 403
    assert get(fresh, "/api/publishers/contoso/offers/other/status").status_code == 404
    assert get(fresh, "/api/publishers/fabrikam/offers/vm/status").status_code == 404
    assert get(fresh, "/api/operations/contoso$other$2$preview").status_code == 404
    assert get(fresh, "/api/operations/no-dollars").status_code == 404
    assert get(fresh, "/api/publishers/Contoso/offers/vm/status").status_code == 200


def test_an_unknown_path_is_answered_with_the_envelope(fresh: Simulator) -> None:
    answer = get(fresh, "/api/nothing")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NotFound")


def test_every_call_and_credential_is_recorded_wherever_it_went(fresh: Simulator) -> None:
    get(fresh, STATUS, "stolen")
    get(fresh, "/elsewhere", "")
    get(fresh, "/api/operations/contoso$vm$2$preview")
    assert fresh.authorizations == ["Bearer stolen", f"Bearer {TOKEN}"]
    assert [call[:3] for call in fresh.calls("contoso", "vm")] == [
        ("GET", STATUS, 401),
        ("GET", "/api/operations/contoso$vm$2$preview", 200),
    ]
    assert [call.path for call in fresh.calls()][1] == "/elsewhere"


def test_the_body_of_a_cancel_is_recorded(fresh: Simulator) -> None:
    Visitor(fresh, "contoso", "vm").cancel()
    [call] = fresh.calls("contoso", "vm")
    assert call.query == VERSION
    assert call.body == b'{"metadata": {"notification-emails": "a@contoso.com"}}'


def test_a_body_that_is_not_understood_is_a_bad_request(fresh: Simulator) -> None:
    answer = requests.post(
        f"{fresh.url}/api/publishers/contoso/offers/vm/publish?{VERSION}",
        data="[",
        headers={"Authorization": f"Bearer {TOKEN}"},
        timeout=10,
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")


def test_it_goes_down_and_comes_back_on_the_same_port_with_all_it_knew(fresh: Simulator) -> None:
    visitor = Visitor(fresh, "contoso", "vm")
    visitor.cancel()
    fresh.stop_answering()
    with pytest.raises(requests.ConnectionError, match="refused"):
        visitor.offer_status()
    fresh.start()
    assert visitor.offer_status() in {"running", "canceled"}
    assert fresh.truth("contoso", "vm")[0].cancel_requested_at is not None


def test_it_ends_at_once_though_an_answer_never_would() -> None:
    with Simulator() as simulator:
        simulator.create_offer("contoso", "vm", "endless-body")
        answer = Visitor(simulator, "contoso", "vm").get("status", stream=True)
    answer.close()
    with pytest.raises(requests.ConnectionError, match="refused"):
        get(simulator, STATUS)


def test_a_port_in_use_is_said_by_its_number(fresh: Simulator) -> None:
    with pytest.raises(PortInUseError, match=str(fresh.port)):
        Simulator(fresh.port)


def test_only_one_publish_runs_at_a_time(fresh: Simulator) -> None:
    with pytest.raises(OperationRunningError):
        fresh.publish("contoso", "vm")
    fresh.finish("contoso", "vm", State.CANCELED)
    started = fresh.publish("contoso", "vm")
    first, second = fresh.truth("contoso", "vm")
    assert (first.state, first.canceled_by_call) == (State.CANCELED, False)
    assert (second.id, second.state) == (started, State.RUNNING)


def test_an_offer_is_made_and_its_truth_read_on_the_admin_path(fresh: Simulator) -> None:
    path = f"{fresh.url}/admin/publishers/northwind/offers/app"
    wish = {"scenario": "idle-but-202", "knobs": {"past": "failed"}}
    assert requests.put(path, json=wish, timeout=10).status_code == 201
    told = requests.get(path, timeout=10).json()
    assert [each["state"] for each in told["operations"]] == ["failed"]
    assert told["operations"][0]["id"] == fresh.truth("northwind", "app")[0].id


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"scenario": "no-such"}, "cancels-after-202"),
        ({"scenario": "refused-400", "knobs": {"cancel_secs": 1}}, "cancel_secs"),
        ({"scenario": "refused-400", "knobs": {"cancel_seconds": "one"}}, "cancel_seconds"),
        ({"scenario": "refused-400", "knobs": {"location": "{nowhere}"}}, "nowhere"),
        ({"scenario": "cancels-after-202", "knobs": {"next_publish_after_seconds": 1}}, "end"),
        (["scenario"], "object"),
    ],
)
def test_a_wrong_wish_on_the_admin_path_is_answered_with_what_is_wrong(
    fresh: Simulator, wish: object, says: str
) -> None:
    path = f"{fresh.url}/admin/publishers/contoso/offers/vm"
    answer = requests.put(path, json=wish, timeout=10)
    assert answer.status_code == 400
    assert says in answer.json()["error"]["message"]


def test_an_offer_nobody_made_has_no_truth(fresh: Simulator) -> None:
    path = f"{fresh.url}/admin/publishers/contoso/offers/other"
    assert requests.get(path, timeout=10).status_code == 404
    with pytest.raises(LookupError, match="other"):
        fresh.truth("contoso", "other")
    with pytest.raises(ScenarioError, match="no-such"):
        fresh.create_offer("contoso", "other", "no-such")


def test_the_command_serves_until_it_is_interrupted() -> None:
    command = [sys.executable, "-m", "devstack.partner_center", "--token", "mine"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[-1]
            answer = requests.get(f"{url}/admin/scenarios", timeout=10)
            assert "refused-409" in answer.json()
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=10) == 0
            assert process.stdout.read().endswith("Partner Center is gone\n")
        finally:
            process.kill()


def test_the_command_says_which_port_is_in_use(fresh: Simulator) -> None:
    command = [sys.executable, "-m", "devstack.partner_center", "--port", str(fresh.port)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1
    assert f"port {fresh.port} is in use" in ended.stderr
