from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.case import Case, running_operation
from shared.judgment import (
    RULES,
    Finish,
    Follow,
    LookAgain,
    ReadStatus,
    Submit,
    judge,
    outcome_of,
)
from shared.models import Operation, OperationState, OutcomeName
from tests.shared.builders import OTHER_ID, REQUESTED, TARGET_ID, after, offer_status, operation
from tests.shared.judgment_cases import CASES as ONE_BY_ONE
from tests.shared.judgment_cases import IDLE, RUNNING, SECOND_LOOK, Row, case
from tests.shared.judgment_sources import ONE_SOURCE

CASES = ONE_BY_ONE | ONE_SOURCE

WORDS = ["running", "canceled", "completed", "failed", "aborted", "not started"]
IDS = [TARGET_ID, OTHER_ID, "7c9e6679-7425-40de-944b-e07fc1f90ae7"]

WHO_RUNS: dict[str, tuple[list[str], int | None]] = {
    "nothing": ([], None),
    "the newest of two active ones": (["running", "running"], 0),
    "an active one behind one that has ended": (["completed", "queued"], 1),
    "an active one behind an unknown one": (["aborted", "running"], 1),
    "the newest, unknown": (["aborted", "completed"], 0),
    "not an older unknown one": (["completed", "aborted"], None),
    "only the newest of two unknown ones": (["aborted", "vetoed"], 0),
}


def deciding_rule(looked_at: Case) -> str:
    return next(rule.name for rule in RULES if rule.applies(looked_at))


@pytest.mark.parametrize("row", CASES.values(), ids=CASES)
def test_every_case_is_decided_by_its_rule(row: Row) -> None:
    assert deciding_rule(row.case) == row.rule


@pytest.mark.parametrize("row", CASES.values(), ids=CASES)
def test_every_case_has_its_verdict(row: Row) -> None:
    verdict = judge(row.case)
    if isinstance(verdict, Finish):  # found when it was looked at
        assert verdict.outcome.at == row.case.now
    assert verdict == row.verdict


def test_no_rule_is_dead() -> None:
    names = [rule.name for rule in RULES]
    assert {row.rule for row in CASES.values()} == set(names)
    assert len(names) == len(set(names))


@pytest.mark.parametrize("waited", [44, 45, 600], ids="{} s after the first".format)
def test_a_young_request_has_nothing_to_cancel_after_its_second_look(waited: float) -> None:
    looked_at = case(
        requested_at=after(0), now=after(waited), idle_since=after(0), offer_status=IDLE
    )
    verdict = judge(looked_at)
    assert isinstance(verdict, Finish)
    assert verdict.outcome.name is OutcomeName.NOTHING_TO_CANCEL


def test_a_request_of_two_minutes_needs_no_second_look() -> None:
    assert isinstance(judge(case(now=after(119.9), offer_status=IDLE)), LookAgain)
    assert isinstance(judge(case(now=after(120), offer_status=IDLE)), Finish)


@pytest.mark.parametrize("word", WORDS)
def test_the_subject_of_a_request_that_names_one_is_never_the_newest(word: str) -> None:
    newest = operation("running", OTHER_ID)
    named = operation(word)
    assert case(operation_id=TARGET_ID, named=named, listing=(newest, named)).subject is named
    assert case(target_id=TARGET_ID, named=named, listing=(newest, named)).subject is named


def test_a_settled_target_counts_more_than_the_operation_that_was_named() -> None:
    assert case(operation_id=OTHER_ID, target_id=TARGET_ID).subject_id == TARGET_ID


@pytest.mark.parametrize(("words", "running"), WHO_RUNS.values(), ids=WHO_RUNS)
def test_at_most_one_operation_runs(words: list[str], running: int | None) -> None:
    listing = tuple(operation(word, IDS[n]) for n, word in enumerate(words))
    assert running_operation(listing) is (None if running is None else listing[running])


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("Cancelled", OutcomeName.CANCELED),
        ("complete", OutcomeName.COMPLETED_FIRST),
        ("rejected", OutcomeName.FAILED_FIRST),
    ],
)
def test_an_ended_operation_stands_for_an_outcome_in_its_own_word(
    word: str, name: OutcomeName
) -> None:
    found = outcome_of(operation(word, ended_at=after(3)), after(9))
    assert (found.name, found.operation_state) == (name, word)
    assert (found.ended_at, found.at) == (after(3), after(9))


TIMES = st.none() | st.integers(-10_000, 10_000).map(after)


def operations(ids: list[str]) -> st.SearchStrategy[Operation]:
    return st.builds(
        operation, st.sampled_from(WORDS), st.sampled_from(ids), started_at=TIMES, ended_at=TIMES
    )


LISTINGS = st.none() | st.lists(operations(IDS), max_size=4, unique_by=lambda o: o.id).map(tuple)
STATUSES = st.sampled_from([None, IDLE, offer_status("Running", is_active=True)])


CASES_OF_ANY_KIND = st.builds(
    Case,
    requested_at=st.just(REQUESTED),
    now=st.integers(0, 100_000).map(after),
    second_look=st.just(SECOND_LOOK),
    listing=LISTINGS,
    operation_id=st.sampled_from([None, TARGET_ID]),
    target_id=st.sampled_from([None, TARGET_ID]),
    post_sent_at=st.none() | st.just(after(10)),
    idle_since=TIMES,
    named=st.none() | operations([TARGET_ID]),
    offer_status=STATUSES,
)


@given(CASES_OF_ANY_KIND)
def test_there_is_always_a_verdict(looked_at: Case) -> None:
    assert isinstance(judge(looked_at), Submit | Finish | Follow | ReadStatus | LookAgain)


@given(CASES_OF_ANY_KIND)
def test_nothing_is_sent_while_another_operation_is_shown_running(looked_at: Case) -> None:
    verdict = judge(looked_at)
    shown = [o for o in looked_at.listing or () if o.state is OperationState.ACTIVE]
    if isinstance(verdict, Submit) and shown:
        assert verdict.target is not None
        assert verdict.target.id == shown[0].id


def _started(subject: Operation | None) -> datetime:
    return (subject and subject.started_at) or REQUESTED


@given(CASES_OF_ANY_KIND)
def test_nothing_is_sent_for_what_started_after_a_request_that_named_none(
    looked_at: Case,
) -> None:
    free = replace(looked_at, operation_id=None, post_sent_at=None)
    if _started(free.subject) > REQUESTED + timedelta(seconds=5):
        assert not isinstance(judge(free), Submit)


@given(CASES_OF_ANY_KIND)
def test_nothing_is_sent_for_an_operation_that_has_ended(looked_at: Case) -> None:
    if looked_at.subject is not None and looked_at.subject.state.is_terminal:
        assert not isinstance(judge(looked_at), Submit)


@given(CASES_OF_ANY_KIND)
def test_a_request_never_ends_while_its_own_operation_is_shown_running(looked_at: Case) -> None:
    verdict = judge(looked_at)
    if isinstance(verdict, Finish) and looked_at.subject_runs:
        assert verdict.outcome.name is OutcomeName.SUPERSEDED


@given(CASES_OF_ANY_KIND)
def test_canceled_is_only_said_of_an_operation_that_is_canceled(looked_at: Case) -> None:
    verdict = judge(looked_at)
    if isinstance(verdict, Finish) and verdict.outcome.name is OutcomeName.CANCELED:
        assert verdict.operation is not None
        assert verdict.operation.state is OperationState.CANCELED


@given(CASES_OF_ANY_KIND)
def test_after_a_cancel_call_no_request_ends_as_if_none_was_sent(looked_at: Case) -> None:
    sent = replace(looked_at, post_sent_at=after(10))
    verdict = judge(sent)
    if isinstance(verdict, Finish):
        assert verdict.outcome.name is not OutcomeName.SUPERSEDED
        assert verdict.operation is not None


def test_a_look_at_what_runs_sends_the_call_for_that() -> None:
    assert judge(case(listing=(RUNNING,))) == Submit(RUNNING)
