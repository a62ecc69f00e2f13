import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.acceptance import Acceptance, CancelCall
from shared.callers import ANYBODY, Callers
from shared.errors import ConfigurationError
from shared.http_answers import HttpAnswer, ProblemError
from shared.record import CancellationRecord
from shared.request_status import find_request
from shared.settings import MailSettings, PolicySettings, callers_from_env
from shared.withdrawal import Withdrawal
from tests.shared.builders import REQUESTED
from tests.shared.ledger_memory import KeptRows
from tests.shared.queue_memory import KeptTexts
from tests.shared.test_acceptance_checks import MAIL
from tests.shared.test_request_status import call, row

ANA = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
BOT = "9b2d8a10-7c1e-4e6f-8a55-0d2c3b4a5f60"
OID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
ON = {"WEBSITE_AUTH_ENABLED": "True"}


def callers_of(allowed: str, **environ: str) -> Callers:
    return callers_from_env({**ON, "ALLOWED_CALLERS": allowed, **environ})


def principal(**members: Any) -> str:
    return base64.b64encode(json.dumps(members).encode()).decode()


def entra(caller: str, typ: str = OID, provider: str = "aad") -> dict[str, str]:
    """The headers that App Service adds for a caller it has authenticated."""
    claims = [{"typ": "aud", "val": "api://cancel"}, {"typ": typ, "val": caller}]
    return {
        "x-ms-client-principal": principal(auth_typ=provider, claims=claims),
        "x-ms-client-principal-id": caller,
        "x-ms-client-principal-idp": provider,
    }


def refusal(callers: Callers, headers: dict[str, str], publisher: str = "contoso") -> ProblemError:
    with pytest.raises(ProblemError) as raised:
        callers.check(headers, publisher)
    return raised.value


@pytest.mark.parametrize("enabled", ["", "False", "0", "no", "Truely"])
def test_without_app_service_authentication_the_headers_are_anybodys(enabled: str) -> None:
    callers = callers_from_env({"WEBSITE_AUTH_ENABLED": enabled})
    assert callers.check(entra(ANA), "contoso") == "http"
    assert callers.check({}, "contoso") == "http"
    assert ANYBODY.check(entra(ANA), "contoso") == "http"


ID_ALONE = {"x-ms-client-principal-id": ANA.upper()}


@pytest.mark.parametrize(
    "headers",
    [
        entra(ANA),
        entra(ANA.upper(), typ="oid"),
        ID_ALONE,
        {**ID_ALONE, "x-ms-client-principal-idp": "aad"},
        {**ID_ALONE, "x-ms-client-principal": principal(auth_typ="aad", claims=[])},
        {**entra(ANA), "x-ms-client-principal-id": "a-pairwise-subject"},
        {**entra(ANA), "x-ms-client-principal-name": "x@y", "authorization": "Bearer e"},
    ],
)
def test_the_source_is_the_callers_object_id(headers: dict[str, str]) -> None:
    assert callers_of("").check(headers, "contoso") == f"http entra:{ANA}"


NO_CALLER: dict[str, dict[str, str]] = {
    "no headers": {},
    "blank": {"x-ms-client-principal-id": "", "x-ms-client-principal": ""},
    "no GUID": {"x-ms-client-principal-id": "ana"},
    "two ids": {"x-ms-client-principal-id": f"{ANA},{BOT}"},
    "a line break": {"x-ms-client-principal-id": f"{ANA}\n"},
    "another provider": entra(ANA, provider="github"),
    "another provider by header": {**ID_ALONE, "x-ms-client-principal-idp": "google"},
    "two object ids": {
        "x-ms-client-principal": principal(
            claims=[{"typ": OID, "val": ANA}, {"typ": "oid", "val": BOT}]
        )
    },
    "an object id that is none": {
        **ID_ALONE,
        "x-ms-client-principal": principal(claims=[{"typ": OID, "val": [ANA]}]),
    },
    "no Base64": {**ID_ALONE, "x-ms-client-principal": "%%%"},
    "no JSON": {**ID_ALONE, "x-ms-client-principal": base64.b64encode(b"{").decode()},
    "no UTF-8": {**ID_ALONE, "x-ms-client-principal": base64.b64encode(b'"\xff"').decode()},
    "no ASCII": {**ID_ALONE, "x-ms-client-principal": "\u00e9\u00e9\u00e9\u00e9"},
    "no object": {**ID_ALONE, "x-ms-client-principal": base64.b64encode(b"[]").decode()},
    "claims that are none": {**ID_ALONE, "x-ms-client-principal": principal(claims={"a": 1})},
    "nested deeply": {
        **ID_ALONE,
        "x-ms-client-principal": base64.b64encode(b'{"claims":' + b"[" * 9000).decode(),
    },
}


@pytest.mark.parametrize("headers", NO_CALLER.values(), ids=NO_CALLER)
@pytest.mark.parametrize("allowed", ["", ANA])
def test_nobody_is_taken_for_a_caller(headers: dict[str, str], allowed: str) -> None:
    problem = refusal(callers_of(allowed), headers)
    assert (problem.status_code, problem.code) == (401, "Unauthorized")
    assert problem.headers == {"WWW-Authenticate": "Bearer"}


@given(st.dictionaries(st.sampled_from(sorted(entra(ANA))), st.text(max_size=200)))
def test_any_header_is_answered_with_401_or_a_guid(headers: dict[str, str]) -> None:
    problem = refusal(callers_of(ANA), headers)
    assert problem.status_code in (401, 403)


def test_everybody_who_is_authenticated_may_where_nobody_is_named() -> None:
    assert callers_of("").check(entra(BOT), "any") == f"http entra:{BOT}"


@pytest.mark.parametrize(
    ("allowed", "publisher", "may"),
    [
        (ANA, "contoso", True),
        (ANA, "fabrikam", True),
        (ANA.upper(), "contoso", True),
        (BOT, "contoso", False),
        (f"{ANA}=contoso", "contoso", True),
        (f"{ANA}=contoso", "CONTOSO", True),
        (f" {ANA} = Contoso | Fabrikam , {BOT}", "fabrikam", True),
        (f"{ANA}=contoso", "fabrikam", False),
        (f"{ANA}=contoso,{BOT}=fabrikam", "fabrikam", False),
        (f"{BOT}, {ANA}=contoso", "contoso-2", False),
    ],
)
def test_who_may_cancel_for_which_publisher(allowed: str, publisher: str, may: bool) -> None:
    callers = callers_of(allowed)
    if may:
        assert callers.check(entra(ANA), publisher) == f"http entra:{ANA}"
        return
    problem = refusal(callers, entra(ANA), publisher)
    assert (problem.status_code, problem.code) == (403, "Forbidden")
    assert ANA in str(problem)
    assert publisher in str(problem)


@pytest.mark.parametrize(
    ("allowed", "says"),
    [
        ("ana", ["item 1 must begin with an object id"]),
        (f"{ANA}=", ["item 1 must name publishers"]),
        (f"{ANA}=a||b", ["item 1 must name publishers"]),
        (f"{ANA}=.hidden", ["item 1 must name publishers"]),
        (f"{ANA},{ANA.upper()}=contoso", [f"item 2 names {ANA} again"]),
        (f"x=contoso;{ANA}", ["item 1 must begin", "item 1 must name"]),
        (f"*,{BOT}=!,contoso", ["item 1", "item 2", "item 3"]),
        (" , ,", ["names nobody"]),
    ],
)
def test_every_problem_of_the_setting_is_said_at_once(allowed: str, says: list[str]) -> None:
    with pytest.raises(ConfigurationError) as raised:
        callers_of(allowed, WEBSITE_AUTH_ENABLED="")
    problems = raised.value.problems
    assert len(problems) == len(says) + 1
    assert all(said in problem for said, problem in zip(says, problems, strict=False))
    assert "WEBSITE_AUTH_ENABLED" in problems[-1]
    with pytest.raises(ConfigurationError) as raised:
        callers_of(allowed)
    assert raised.value.problems == problems[:-1]


def test_a_list_of_callers_without_authentication_is_an_error() -> None:
    for enabled in ("", "False"):
        with pytest.raises(ConfigurationError, match="ALLOWED_CALLERS needs App Service"):
            callers_of(ANA, WEBSITE_AUTH_ENABLED=enabled)


class Desk:
    """Takes calls of authenticated callers."""

    def __init__(self, allowed: str) -> None:
        self.callers = callers_of(allowed)
        self.ledger, self.queue = KeptRows(), KeptTexts()

    def accept(self, headers: dict[str, str], **changes: Any) -> HttpAnswer:
        def mail_settings() -> MailSettings:
            return MAIL

        acceptance = Acceptance(
            ledger=self.ledger,
            requests=self.queue,
            policy=PolicySettings(),
            mail_settings=mail_settings,
            clock=lambda: REQUESTED,
            callers=lambda: self.callers,
        )
        values: dict[str, Any] = {
            "publisher_id": "Contoso",
            "offer_id": "contoso-vm",
            "api_version": None,
            "headers": headers,
            "body": b"",
            **changes,
        }
        return acceptance.accept(CancelCall(**values))

    def find(self, headers: dict[str, str]) -> CancellationRecord:
        return find_request(self.ledger, call(headers=headers), self.callers)

    def withdraw(self, headers: dict[str, str]) -> HttpAnswer:
        desk = Withdrawal(
            ledger=self.ledger, pending=self.queue, clock=lambda: REQUESTED, callers=self.callers
        )
        return desk.withdraw(call(headers=headers))


def test_who_asked_is_in_the_row_and_its_history() -> None:
    desk = Desk(f"{ANA}=contoso")
    assert desk.accept(entra(ANA)).status_code == 202
    record = desk.ledger.versions[-1]
    assert record.source == f"http entra:{ANA}"
    assert record.history[0].detail == f"by http entra:{ANA}"


@pytest.mark.parametrize(
    ("headers", "status"),
    [(entra(BOT), 403), (entra(ANA), 403), ({}, 401)],
    ids=["another's", "nobody's", "no"],
)
def test_who_may_not_cancel_may_not_read_or_withdraw_either(
    headers: dict[str, str], status: int
) -> None:
    desk = Desk(f"{BOT}=fabrikam")
    stored = desk.ledger.insert(row())
    for serve in (desk.accept, desk.find, desk.withdraw):
        with pytest.raises(ProblemError) as raised:
            serve(headers)
        assert raised.value.status_code == status
    assert (desk.ledger.versions, desk.queue.texts) == ([stored], [])


def test_who_may_cancel_may_read_and_withdraw() -> None:
    desk = Desk(f"{ANA}=contoso")
    desk.ledger.insert(row())
    assert desk.find(entra(ANA)).request_id == row().request_id
    assert desk.withdraw(entra(ANA)).status_code == 200


def test_a_body_is_not_looked_at_for_somebody_unknown() -> None:
    desk = Desk(ANA)
    with pytest.raises(ProblemError) as raised:
        desk.accept(entra(BOT), body=b"{")
    assert raised.value.status_code == 403
