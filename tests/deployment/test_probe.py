"""The probe after a deployment, with an ``az`` that answers as a whole or a broken one would."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deployment.bicep.deployment import SUBSCRIPTION
from tests.deployment.cloud import Cloud, cloud_in
from tests.deployment.deployed import (
    CLIENT,
    FEDERATED,
    FUNCTIONS,
    IDENTITY,
    KEY,
    PROBE,
    deployed,
)
from tests.deployment.templates import ENVIRONMENTS, ROOT
from tests.deployment.test_roles import CUSTOM_MAIL
from tests.integration.raw_server import ScriptedHttp, http_answer

pytestmark = pytest.mark.integration

FINE = http_answer(200, b'{"value": []}')
MISSING_SECRET = ["WEBHOOK_SECRETS", "SecretNotFound"]


@pytest.fixture
def app() -> Iterator[ScriptedHttp]:
    with ScriptedHttp(FINE) as server:
        yield server


@pytest.fixture
def cloud(tmp_path: Path, app: ScriptedHttp) -> Cloud:
    return cloud_in(tmp_path, PROBE, **deployed({}, app.url))


def probed(cloud: Cloud, *options: str, **environment: str) -> tuple[int, str, str]:
    """Exit code, what it showed and what it complained of, when it looks only once."""
    done = cloud.run("--wait", "0", *options, **environment)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_kind_of_environment_is_whole_as_the_templates_make_it(
    name: str, tmp_path: Path, app: ScriptedHttp
) -> None:
    cloud = cloud_in(tmp_path, PROBE, **deployed(ENVIRONMENTS[name], app.url))
    if "CALLERS_CLIENT_ID" in ENVIRONMENTS[name]:
        app.answer(http_answer(401))
        assert probed(cloud)[0] == 1  # a key alone opened it
    code, shown, complaints = probed(cloud)
    assert (code, complaints) == (0, "")
    assert f"all {len(FUNCTIONS)} are indexed" in shown
    assert "that it needs, and no other" in shown
    assert "wrong" not in shown
    assert not cloud.changes()


def test_functions_that_come_late_are_waited_for(cloud: Cloud) -> None:
    cloud.knows(functions=[[], FUNCTIONS[:2], FUNCTIONS])
    done = cloud.run("--every", "0")
    assert done.returncode == 0, done.stdout
    waits = [line for line in done.stderr.splitlines() if "not indexed yet" in line]
    assert len(waits) == 2
    assert " ".join(FUNCTIONS) in waits[0]
    assert FUNCTIONS[0] not in waits[1]


def test_functions_that_never_come_are_told_with_where_to_look(cloud: Cloud) -> None:
    status = [["Error"], ["The 'PollTimerTrigger' function is in error"]]
    rest = {**cloud.known["rest"], "hostruntime/admin/host/status": status}
    cloud.knows(functions=[FUNCTIONS[:-1]], rest=rest)
    code, shown, _ = probed(cloud)
    assert code == 1
    assert f"not indexed: {FUNCTIONS[-1]}\n" in shown
    assert "             The 'PollTimerTrigger' function is in error" in shown
    assert "make package" in shown


def test_functions_that_are_not_of_this_checkout_are_told(cloud: Cloud) -> None:
    cloud.knows(functions=[[*FUNCTIONS, "OldTrigger"]])
    code, shown, _ = probed(cloud)
    assert (code, "not of this checkout: OldTrigger\n" in shown) == (1, True)


def test_the_app_is_asked_with_its_key_until_it_answers(cloud: Cloud, tmp_path: Path) -> None:
    with ScriptedHttp(http_answer(503), http_answer(404), FINE) as slow:
        done = cloud.run("--every", "0", OFFER_CANCEL_URL=slow.url)
    assert done.returncode == 0, done.stdout
    assert "the app answers 503" in done.stderr
    assert [request.split()[1] for request in slow.requests] == [b"/api/cancellations"] * 3
    assert all(f"x-functions-key: {KEY}".encode() in request for request in slow.requests)
    assert KEY not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("status", "hint"),
    [(401, "CALLERS_CLIENT_ID"), (404, "not there"), (500, "exceptions"), (503, "ten minutes")],
)
def test_an_answer_that_should_not_be_is_explained(cloud: Cloud, status: int, hint: str) -> None:
    with ScriptedHttp(http_answer(status)) as broken:
        code, shown, _ = probed(cloud, OFFER_CANCEL_URL=broken.url)
    assert code == 1
    assert f"the app answers {status}, not 200" in shown
    assert hint in shown


def test_an_app_that_is_not_there_is_told(cloud: Cloud) -> None:
    code, shown, _ = probed(cloud, OFFER_CANCEL_URL="http://127.0.0.1:1")
    assert (code, "the app answers 000, not 200" in shown) == (1, True)


def test_each_role_that_is_missing_is_told_with_its_remedy(cloud: Cloud) -> None:
    kept, *missing = cloud.known["roles"][IDENTITY]
    cloud.knows(roles={IDENTITY: [kept]})
    code, shown, _ = probed(cloud)
    assert code == 1
    for role, scope, _, _ in missing:
        name = CUSTOM_MAIL if "/roleDefinitions/" in role else role
        lacking = f"lacks {name}\n           on {scope.lower()}\n"
        assert f"{lacking}           azd provision --no-state\n" in shown
    assert shown.count("wrong") == len(missing) == 7


def test_each_right_that_is_too_much_is_told_with_its_remedy(cloud: Cloud) -> None:
    given = cloud.known["roles"][IDENTITY]
    wide = ["Contributor", SUBSCRIPTION, "ServicePrincipal", "/assignments/wide"]
    by_group = ["Reader", SUBSCRIPTION, "Group", "/assignments/by-group"]
    cloud.knows(roles={IDENTITY: [*given, wide, by_group]})
    code, shown, _ = probed(cloud)
    assert code == 1
    assert "more than it needs: Contributor\n" in shown
    assert "az role assignment delete --ids /assignments/wide\n" in shown
    assert "by a group that it is in" in shown
    assert "lacks" not in shown


def test_a_role_that_another_choice_made_is_too_much(cloud: Cloud) -> None:
    code, shown, _ = probed(cloud, MAIL_ROLE="built-in")
    assert code == 1
    assert f"more than it needs: {CUSTOM_MAIL}\n" in shown
    assert "lacks Communication and Email Service Owner" in shown


@pytest.mark.parametrize(
    "changed",
    [{"subject": "identity-2"}, {"issuer": "https://elsewhere/v2.0"}, {"audiences": ["api://x"]}],
    ids=lambda changed: next(iter(changed)),
)
def test_a_federated_credential_of_something_else_is_told(
    cloud: Cloud, changed: dict[str, Any]
) -> None:
    cloud.knows(apps={CLIENT: {"federated": [{**FEDERATED, **changed}]}})
    code, shown, _ = probed(cloud)
    assert code == 1
    assert f"application {CLIENT} is not federated" in shown
    assert "infra/scripts/partner-center-access.sh" in shown


def test_what_a_person_has_to_do_is_no_failure(cloud: Cloud) -> None:
    azd = {**cloud.known["azd"], "PARTNER_CENTER_CLIENT_ID": "", "MAIL_DOMAIN": "contoso.example"}
    rest = {**cloud.known["rest"], "config/configreferences/appsettings": [MISSING_SECRET]}
    cloud.knows(azd=azd, rest=rest)
    code, shown, _ = probed(cloud)
    assert code == 0
    assert "no access yet" in shown
    assert "WEBHOOK_SECRETS is not taken from Key Vault: SecretNotFound" in shown
    assert "azd env set MAIL_DOMAIN_IS_VERIFIED true" in shown
    assert shown.count("to do") == 3


def test_mail_from_no_domain_is_a_failure_and_from_a_verified_one_is_none(cloud: Cloud) -> None:
    code, shown, _ = probed(cloud, MAIL_DOMAIN="contoso.example", MAIL_DOMAIN_IS_VERIFIED="true")
    assert (code, "the sender's domain is linked" in shown) == (0, True)
    cloud.knows(linked=[])
    code, shown, _ = probed(cloud)
    assert code == 1
    assert "no domain is linked, and nothing is sent\n           azd provision --no-state" in shown


def test_an_application_that_one_may_not_look_at_is_no_failure(cloud: Cloud) -> None:
    cloud.knows(fails="az ad app federated-credential list")
    code, shown, _ = probed(cloud)
    assert (code, "could not be looked at" in shown) == (0, True)


@pytest.mark.parametrize(
    "step",
    [
        "az account show",
        "az resource list",
        "az role assignment list",
        "az role definition list",
        "az rest",
        "az resource show",
    ],
)
def test_what_cannot_be_looked_at_is_not_taken_for_right(cloud: Cloud, step: str) -> None:
    cloud.knows(fails=step)
    assert probed(cloud)[0] == 1


def test_nobody_is_mailed_unasked_and_the_app_mails_who_is_named(
    cloud: Cloud, app: ScriptedHttp
) -> None:
    assert probed(cloud)[0] == 0
    assert len(app.requests) == 1
    with ScriptedHttp(FINE, http_answer(202, b"{}")) as taking:
        code, shown, complaints = probed(
            cloud, PROBE_MAIL_TO="a.b+c@contoso.com", ALLOWED_PUBLISHERS="contoso, fabrikam",
            OFFER_CANCEL_URL=taking.url,
        )  # fmt: skip
    assert (code, "test mail" in shown) == (0, True)
    head, _, body = taking.requests[1].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /api/publishers/contoso/offers/offer-cancel-check/cancel ")
    assert body == b'{"metadata": {"notification-emails": "a.b+c@contoso.com"}}'
    assert "contoso.com" not in shown + complaints


def test_a_test_mail_that_the_app_refuses_is_told_in_its_words(cloud: Cloud) -> None:
    refusal = http_answer(400, b'{"error": {"code": "BadRequest", "message": "the domain"}}')
    with ScriptedHttp(FINE, refusal) as refusing:
        options = ("--mail-to", "a@elsewhere.example", "--publisher", "contoso")
        code, shown, _ = probed(cloud, *options, OFFER_CANCEL_URL=refusing.url)
    assert (code, 'the app answers 400: {"error"' in shown) == (1, True)


def test_where_entra_guards_the_app_the_test_mail_is_asked_for_with_a_token(cloud: Cloud) -> None:
    cloud.knows(tokens={"callers-1": "t0ken"})
    with ScriptedHttp(http_answer(401), http_answer(202)) as guarded:
        options = ("--mail-to", "a@contoso.com", "--publisher", "contoso")
        environment = {"CALLERS_CLIENT_ID": "callers-1", "OFFER_CANCEL_URL": guarded.url}
        assert probed(cloud, *options, **environment)[0] == 0
    assert b"Authorization: Bearer t0ken" in guarded.requests[1]
    assert b"Authorization" not in guarded.requests[0]


@pytest.mark.parametrize(
    "options",
    [["--mail-to", 'a@b.c"x'], ["--mail-to", "a@b.c, d@e.f"], ["--maybe"], ["--app"], ["what"]],
    ids=" ".join,
)
def test_wrong_arguments_are_refused_before_anything_is_asked(
    cloud: Cloud, options: list[str]
) -> None:
    code, shown, complaints = probed(cloud, *options)
    assert (code, shown) == (1, "")
    assert complaints.startswith("probe.sh: ")
    assert "@b.c" not in complaints


def test_a_test_mail_without_a_publisher_says_what_is_missing(cloud: Cloud) -> None:
    code, _, complaints = probed(cloud, "--mail-to", "a@contoso.com")
    assert (code, "--publisher" in complaints) == (1, True)


def test_nothing_that_it_runs_can_wait_for_an_answer(cloud: Cloud) -> None:
    az, read = cloud.folder / "az", cloud.folder / "read"
    az.write_text(az.read_text().replace("\n", f"\ncat >>'{read}'\n", 1))
    done = cloud.run("--wait", "0", typed="yes\n")
    assert (done.returncode, read.read_text()) == (0, "")


def test_without_azd_or_environment_it_says_what_to_give(cloud: Cloud) -> None:
    code, _, complaints = probed(cloud, "--no-azd")
    assert (code, "give --app" in complaints) == (1, True)
    assert not cloud.calls


def test_azd_runs_it_after_each_deployment_and_it_explains_itself(cloud: Cloud) -> None:
    hook = yaml.safe_load((ROOT / "azure.yaml").read_text())["hooks"]["postdeploy"]
    # What it shows has to stay on the screen.
    assert hook == {"shell": "sh", "run": "infra/scripts/probe.sh", "interactive": True}
    assert os.access(PROBE, os.X_OK)
    told = cloud.run("--help").stdout
    for option in ("mail-to", "publisher", "wait", "every", "app", "group", "identity", "no-azd"):
        assert f"--{option} " in told
    assert all(len(line) <= 100 for line in told.splitlines())
