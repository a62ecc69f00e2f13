import base64
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.callers import ANYBODY, Callers
from shared.http_answers import ProblemError
from shared.list_query import ListCall, continuation_of, query_of
from shared.listing import Place, Query
from shared.models import OutcomeName
from shared.record import Status
from shared.settings import PolicySettings
from tests.shared.test_callers import ANA, BOT, callers_of, entra

PLACE = Place(
    "251610000000000000",
    "contoso",
    "contoso-vm:0019f4a4-f996-5f1c-b96d-760ae6027eeb",
)
ANY_POLICY = PolicySettings()


def read(
    callers: Callers = ANYBODY,
    policy: PolicySettings = ANY_POLICY,
    headers: dict[str, str] | None = None,
    **query: str,
) -> Query:
    return query_of(ListCall(query=query, headers=headers or {}), callers, policy)


def seen(*args: Any, **query: Any) -> set[str] | None:
    """The publishers that are looked at."""
    found = read(*args, **query).publishers
    return None if found is None else set(found)


def refused(**query: Any) -> ProblemError:
    with pytest.raises(ProblemError) as raised:
        read(**query)
    return raised.value


def token(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


def test_nothing_is_asked_for_by_nothing_and_by_what_is_empty() -> None:
    names = ("publisherId", "offerId", "status", "outcome", "top", "continuation", "api-version")
    empty: dict[str, Any] = dict.fromkeys(names, "")
    assert read() == read(**empty) == Query(publishers=None, top=50)


def test_all_that_can_be_asked_for_is_read() -> None:
    given: dict[str, Any] = {"api-version": "2017-10-31", "code": "a key", "unknown": "?"}
    found = read(
        publisherId="Contoso",
        offerId="contoso-vm",
        status="failed",
        outcome="expired",
        top="100",
        continuation=continuation_of(PLACE),
        **given,
    )
    assert found == Query(
        publishers=frozenset({"contoso"}),
        offer_id="contoso-vm",
        statuses=(Status.FAILED,),
        outcome=OutcomeName.EXPIRED,
        top=100,
        after=PLACE,
    )


WRONG = {
    "publisherId": [".contoso", "a/b", "a b", "a" * 51, "~app", "contoso\n", "a' or '1' eq '1"],
    "offerId": ["Contoso", "-a", "a" * 51, "a:b", "a;"],
    "status": ["Canceled", "notstarted", "ended", "canceled,failed"],
    "outcome": ["Canceled", "cancelled", "'"],
    "top": ["0", "101", "-1", "+5", "1.0", "ten", "1_0", "\u0661", "9" * 5000, "05000"],
    "continuation": [
        "%",
        "=",
        "a",
        "\u00e9",
        token("null"),
        token(":::"),
        token(f"251610000000000000:Contoso:{PLACE.row}"),
        token(f"251610000000000000:~app:{PLACE.row}"),
        token(f"25161000000000000:contoso:{PLACE.row}"),
        token(f"251610000000000000:contoso:{PLACE.row}\n"),
        token("251610000000000000:contoso:contoso-vm:' or PartitionKey gt '"),
        token("251610000000000000:contoso:contoso-vm:1"),
        token(f"\u0662{PLACE.when[1:]}:contoso:{PLACE.row}"),
        "A" * 100_000,
    ],
}


@pytest.mark.parametrize(
    ("name", "text"),
    [(name, text) for name, texts in WRONG.items() for text in texts],
    ids=lambda text: text[:24],
)
def test_what_cannot_be_meant_is_refused_and_named(name: str, text: str) -> None:
    problem = refused(**{name: text})
    assert (problem.status_code, problem.code) == (400, "BadRequest")
    assert str(problem).startswith(f"{name} in the query must be ")
    assert len(text) < 5 or text not in str(problem)


def test_an_unknown_word_is_told_the_known_ones() -> None:
    assert str(refused(status="x")) == (
        "status in the query must be one of notStarted, running, canceled, failed."
    )
    assert all(name in str(refused(outcome="x")) for name in OutcomeName)


def test_another_api_version_is_refused() -> None:
    assert refused(**{"api-version": "2024-01-01"}).code == "InvalidAPIVersion"


@given(
    when=st.text("0123456789", min_size=18, max_size=18),
    publisher=st.from_regex(r"\A[a-z0-9_-][a-z0-9._-]{0,49}\Z"),
    offer=st.from_regex(r"\A[a-z0-9][a-z0-9_-]{0,49}\Z"),
    request_id=st.uuids(),
)
def test_a_place_comes_back_from_its_continuation(
    when: str, publisher: str, offer: str, request_id: object
) -> None:
    place = Place(when, publisher, f"{offer}:{request_id}")
    continuation = continuation_of(place)
    assert read(continuation=continuation).after == place
    assert dict(parse_qsl(f"a={continuation}")) == {"a": continuation}  # nothing to be escaped


@given(st.text() | st.binary().map(lambda b: base64.urlsafe_b64encode(b).decode()))
def test_any_continuation_is_refused_or_a_place(text: str) -> None:
    try:
        found = read(continuation=text).after
    except ProblemError as problem:
        assert problem.status_code == 400  # noqa: PT017 - it may as well not be raised
    else:
        assert (found is None) is (text == "")


def test_a_publisher_that_is_not_served_is_refused_and_the_others_are_not_listed() -> None:
    policy = PolicySettings(allowed_publishers=frozenset({"contoso", "fabrikam"}))
    problem = refused(policy=policy, publisherId="other")
    assert (problem.status_code, problem.code) == (403, "Forbidden")
    assert seen(policy=policy) == {"contoso", "fabrikam"}
    assert seen(policy=policy, publisherId="CONTOSO") == {"contoso"}


def test_a_caller_sees_the_publishers_that_they_may_cancel_for() -> None:
    callers = callers_of(f"{ANA}=Contoso|fabrikam, {BOT}")
    assert seen(callers, headers=entra(ANA)) == {"contoso", "fabrikam"}
    assert seen(callers, headers=entra(ANA), publisherId="Fabrikam") == {"fabrikam"}
    assert seen(callers, headers=entra(BOT)) is None
    assert seen(callers_of(""), headers=entra(ANA)) is None


def test_a_caller_sees_none_that_are_not_served() -> None:
    callers = callers_of(f"{ANA}=contoso|fabrikam, {BOT}")
    policy = PolicySettings(allowed_publishers=frozenset({"contoso", "other"}))
    assert seen(callers, policy, entra(ANA)) == {"contoso"}
    assert seen(callers, policy, entra(BOT)) == {"contoso", "other"}
    apart = PolicySettings(allowed_publishers=frozenset({"other"}))
    assert seen(callers, apart, entra(ANA)) == set()


def test_a_caller_is_refused_who_may_see_nothing_or_not_this_publisher() -> None:
    callers = callers_of(f"{ANA}=contoso")
    assert refused(callers=callers, headers={}).status_code == 401
    assert refused(callers=callers, headers=entra(BOT)).status_code == 403
    elsewhere = refused(callers=callers, headers=entra(ANA), publisherId="fabrikam")
    assert elsewhere.status_code == 403


def test_headers_that_anybody_can_send_open_and_close_nothing() -> None:
    assert seen(ANYBODY, headers=entra(BOT)) is None
