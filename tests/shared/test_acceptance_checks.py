import json
from collections.abc import Callable
from typing import Any

import pytest

from shared.acceptance import MAX_BODY_BYTES, Acceptance, CancelCall
from shared.errors import ConfigurationError, RowConflictError, StorageUnavailableError
from shared.http_answers import HttpAnswer, ProblemError
from shared.models import CancelRequest, from_json
from shared.notification.smtp_url import parse_smtp_url
from shared.record import State
from shared.settings import MailSettings, PolicySettings
from tests.shared.builders import REQUESTED, TARGET_ID
from tests.shared.ledger_memory import KeptRows
from tests.shared.queue_memory import KeptTexts

MAIL = MailSettings(
    sender="cancel@contoso.com",
    smtp=parse_smtp_url("smtp://localhost:25"),
    default_emails=(),
    allowed_domains=frozenset({"contoso.com"}),
)
JSON = {"content-type": "application/json"}


def wrong_mail_settings() -> MailSettings:
    raise ConfigurationError("Mail", ("NOTIFICATION_SENDER is missing",))


class Desk:
    """Takes calls, and keeps what they leave behind."""

    def __init__(
        self,
        *,
        allowed: str = "",
        mail_settings: Callable[[], MailSettings] = lambda: MAIL,
        queue_trouble: Exception | None = None,
        ledger_trouble: dict[str, Exception] | None = None,
    ) -> None:
        """By default everybody is served and everything can be stored."""
        self.queue = KeptTexts(queue_trouble)
        self.ledger = KeptRows(ledger_trouble)
        self._acceptance = Acceptance(
            ledger=self.ledger,
            requests=self.queue,
            policy=PolicySettings.from_env({"ALLOWED_PUBLISHERS": allowed}),
            mail_settings=mail_settings,
            clock=lambda: REQUESTED,
        )

    def call(self, body: Any = None, **changes: Any) -> HttpAnswer:
        """A call with this body; what is no bytes goes as JSON."""
        as_bytes = body if isinstance(body, bytes) else json.dumps(body).encode()
        values: dict[str, Any] = {
            "publisher_id": "contoso",
            "offer_id": "contoso-vm",
            "api_version": "2017-10-31",
            "headers": JSON,
            "body": b"" if body is None else as_bytes,
            **changes,
        }
        return self._acceptance.accept(CancelCall(**values))

    def refusal(self, body: Any = None, **changes: Any) -> ProblemError:
        """What a call is refused with; nothing of it is stored."""
        with pytest.raises(ProblemError) as raised:
            self.call(body, **changes)
        assert not self.queue.texts
        assert not self.ledger.versions
        return raised.value

    @property
    def queued(self) -> CancelRequest:
        """The one message that was put on the queue."""
        assert len(self.queue.texts) == 1
        return from_json(self.queue.texts[0], CancelRequest)


ODD_IDS = ["", ".", "..", "a/../b", "../x", "a/b", "a\\b", "a%2fb", "%2e%2e", "a$b", "a b", "a?b"]
CONTROLS = ["a\n", "\na", "a\r\nb", "a\0b", "a\tb", "a\uffffb", "a\u202eb", "\u00e4", "\uff41"]


@pytest.mark.parametrize("bad", [*ODD_IDS, *CONTROLS, ".a", "p" * 51], ids=ascii)
def test_a_publisher_id_out_of_the_rules_is_400(bad: str) -> None:
    problem = Desk().refusal(publisher_id=bad)
    assert (problem.status_code, problem.code) == (400, "BadRequest")
    assert str(problem).startswith("publisherId in the path must be")


@pytest.mark.parametrize("bad", [*ODD_IDS, *CONTROLS, "A", "a.b", "-a", "_a", "o" * 51], ids=ascii)
def test_an_offer_id_out_of_the_rules_is_400(bad: str) -> None:
    problem = Desk().refusal(offer_id=bad)
    assert (problem.status_code, problem.code) == (400, "BadRequest")
    assert str(problem).startswith("offerId in the path must be")


@pytest.mark.parametrize("version", [" ", "2016-08-01-preview", "2017-10-31 ", "2017-10-31&a=b"])
def test_another_api_version_is_400_in_partner_centers_own_code(version: str) -> None:
    problem = Desk().refusal(api_version=version)
    assert (problem.status_code, problem.code) == (400, "InvalidAPIVersion")
    assert "2017-10-31" in str(problem)


@pytest.mark.parametrize("version", [None, "", "2017-10-31"])
def test_the_api_version_may_be_missing(version: str | None) -> None:
    assert Desk().call(api_version=version).status_code == 202


def test_a_publisher_that_is_not_served_is_403() -> None:
    problem = Desk(allowed="fabrikam").refusal()
    assert (problem.status_code, problem.code) == (403, "Forbidden")
    assert "contoso" in str(problem)
    assert Desk(allowed="fabrikam,Contoso").call(publisher_id="CONTOSO").status_code == 202


@pytest.mark.parametrize("filler", [b" ", b"x", b"\x00"], ids=["blank", "text", "NUL"])
def test_a_body_over_16_kib_is_413_whatever_it_holds(filler: bytes) -> None:
    problem = Desk().refusal(filler * (MAX_BODY_BYTES + 1))
    assert (problem.status_code, problem.code) == (413, "RequestTooLarge")
    assert str(MAX_BODY_BYTES) in str(problem)
    assert MAX_BODY_BYTES == 16 * 1024


def test_a_body_of_16_kib_is_taken() -> None:
    body = b'{"unknown":' + b"[" * 8000 + b"]" * 8000 + b"}"
    body += b" " * (MAX_BODY_BYTES - len(body))
    assert Desk().call(body).status_code == 202


@pytest.mark.parametrize(
    "media_type",
    ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "json", "*/*"],
)
def test_a_body_that_is_not_said_to_be_json_is_415(media_type: str) -> None:
    problem = Desk().refusal({}, headers={"content-type": media_type})
    assert (problem.status_code, problem.code) == (415, "UnsupportedMediaType")
    assert Desk().refusal({}, headers={}).status_code == 415


@pytest.mark.parametrize(
    "media_type", ["application/json", "Application/JSON; charset=utf-8", " application/json ;x"]
)
def test_json_is_said_in_many_ways(media_type: str) -> None:
    assert Desk().call({}, headers={"content-type": media_type}).status_code == 202


@pytest.mark.parametrize("body", [b"", b" \r\n\t"], ids=["empty", "blank"])
def test_without_a_body_no_content_type_is_needed(body: bytes) -> None:
    assert Desk().call(body, headers={}).status_code == 202


BAD_BODIES: dict[str, tuple[Any, str]] = {
    "no JSON": (b"cancel", "malformed"),
    "half": (b'{"reason": "x', "truncated"),
    "two": (b"{}{}", "malformed"),
    "no UTF-8": (b'{"reason": "\xff"}', ""),
    "half a surrogate pair": (b'{"reason": "\\ud800"}', ""),
    "an array": ([], "object"),
    "null": (b"null", "object"),
    "text": ('"x"', "object"),
    "deep arrays": (b'{"metadata":' + b"[" * 8000 + b"]" * 8000 + b"}", "$.metadata"),
    "metadata an array": ({"metadata": []}, "$.metadata"),
    "addresses an array": (
        {"metadata": {"notification-emails": ["a@contoso.com"]}},
        "$.metadata.notification-emails",
    ),
    "addresses a number": ({"metadata": {"notification-emails": 5}}, "notification-emails"),
    "operation a number": ({"operationId": 5}, "$.operationId"),
    "operation no GUID": ({"operationId": "latest"}, "$.operationId"),
    "operation with a path": ({"operationId": f"../{TARGET_ID}"}, "$.operationId"),
    "operation with a line break": ({"operationId": f"{TARGET_ID}\n"}, "$.operationId"),
    "operation under another name": ({"operationID": TARGET_ID}, "spelled `operationId`"),
    "operation by half": ({"operationId": TARGET_ID, "operation_id": None}, "`operation_id`"),
    "reason a number": ({"reason": 5}, "$.reason"),
    "reason over 500": ({"reason": "r" * 501}, "$.reason"),
}


@pytest.mark.parametrize("name", ["operationId", "operationid", "operation-id", "Operation_ID"])
def test_an_operation_that_is_named_in_the_query_is_not_passed_over(name: str) -> None:
    problem = Desk().refusal(query={"api-version", name})
    assert problem.status_code == 400
    assert f"`{name}` belongs into the body" in str(problem)


def test_other_unknown_names_do_not_matter() -> None:
    unknown = {"operation": TARGET_ID, "operationIds": [], "id": 5, "metadata": {"operationID": 5}}
    assert Desk().call(unknown, query=["code", "operation"]).status_code == 202


@pytest.mark.parametrize(("body", "where"), BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_wrong_body_is_400_and_says_what_and_where(body: Any, where: str) -> None:
    problem = Desk().refusal(body)
    assert (problem.status_code, problem.code) == (400, "BadRequest")
    assert str(problem).startswith("The body: ")
    assert where in str(problem)


def emails(text: str) -> dict[str, Any]:
    return {"metadata": {"notification-emails": text}}


@pytest.mark.parametrize(
    "text",
    [
        "a@contoso.com\nBcc: b@contoso.com",
        "a@contoso.com;b@contoso.com",
        "Alice <a@contoso.com>",
        "alice@contoso.com)bob@contoso.com",
        "a\x00@contoso.com",
        "a\uffff@contoso.com",
        ",".join(f"a{n}@contoso.com" for n in range(51)),
        f"{'a' * 400}@contoso.com",
    ],
    ids=lambda text: ascii(text[:30]),
)
def test_addresses_out_of_the_rules_are_400_and_not_repeated(text: str) -> None:
    problem = Desk().refusal(emails(text))
    assert (problem.status_code, problem.code) == (400, "BadRequest")
    assert str(problem).startswith("metadata.notification-emails: ")
    assert "@contoso.com" not in str(problem)


def test_an_address_of_a_domain_that_is_not_mailed_to_is_400() -> None:
    problem = Desk().refusal(emails("a@contoso.com, b@evil.example"))
    assert problem.status_code == 400
    assert "address 2" in str(problem)
    assert "NOTIFICATION_ALLOWED_DOMAINS" in str(problem)
    assert "evil" not in str(problem)


def test_wrong_mail_settings_stop_no_request_but_bad_addresses_still_do() -> None:
    desk = Desk(mail_settings=wrong_mail_settings)
    assert desk.refusal(emails("a@contoso.com;b")).status_code == 400
    assert desk.call(emails("b@evil.example")).status_code == 202


@pytest.mark.parametrize(
    "body",
    [None, {}, {"metadata": None}, {"metadata": {}}, emails(""), emails(" , "), {"other": [1]}],
    ids=["no body", "empty", "null", "no addresses", "empty text", "commas", "unknown member"],
)
def test_a_request_may_say_nothing(body: Any) -> None:
    desk = Desk()
    assert desk.call(body).status_code == 202
    assert desk.queued.notification_emails == ""


def test_an_accepted_request_is_on_the_queue_and_in_the_ledger_under_one_id() -> None:
    desk = Desk()
    body = {**emails("a@contoso.com, b@Contoso.com"), "operationId": TARGET_ID.upper()}
    found = desk.call({**body, "reason": "\uffff\x01"}, publisher_id="Contoso")
    request_id = found.members["id"]
    location = (
        f"/api/publishers/Contoso/offers/contoso-vm/operations/{request_id}?api-version=2017-10-31"
    )
    assert found.status_code == 202
    assert found.members == {"id": request_id, "status": "notStarted", "location": location}
    assert found.headers == {"Location": location, "Retry-After": "15"}
    assert desk.queue.texts[0].isascii()
    assert (desk.queued.request_id, desk.queued.requested_at) == (request_id, REQUESTED)
    assert (desk.queued.operation_id, desk.queued.reason) == (TARGET_ID, "\uffff\x01")
    assert desk.queued.notification_emails == "a@contoso.com,b@Contoso.com"
    assert [row.state for row in desk.ledger.versions] == [State.ACCEPTED]
    assert desk.ledger.versions[-1].request_id == request_id


def test_a_bearer_token_that_a_client_still_sends_is_kept_nowhere() -> None:
    desk = Desk()
    desk.call({}, headers={**JSON, "authorization": "Bearer hunter2"})
    assert "hunter2" not in f"{desk.queue.texts}{desk.ledger.versions}"


@pytest.mark.parametrize(
    "trouble",
    [
        {"queue_trouble": StorageUnavailableError("queue cancel-requests: ServerBusy")},
        {"ledger_trouble": {"insert": StorageUnavailableError("table: ServerBusy")}},
        {"ledger_trouble": {"insert": RowConflictError("exists")}},
    ],
    ids=["queue", "ledger", "row"],
)
def test_what_cannot_be_stored_is_not_accepted(trouble: dict[str, Any]) -> None:
    desk = Desk(**trouble)
    with pytest.raises(ProblemError) as raised:
        desk.call()
    assert (raised.value.status_code, raised.value.code) == (503, "ServiceUnavailable")
    assert not desk.queue.texts
    assert not desk.ledger.versions
