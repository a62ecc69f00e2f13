import contextlib
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.models import from_json, to_json
from shared.partner_center.operations import (
    UnreadableAnswerError,
    parse_listing,
    parse_offer_status,
    parse_operation,
)
from tests.shared.builders import TARGET_ID

KEPT_WORDS = {"a" * 1_000_000: "a" * 100, "odd \ud800": "odd ?", "Bearer abc": "<hidden>"}


@pytest.mark.parametrize(("word", "kept"), KEPT_WORDS.items(), ids=["long", "surrogate", "token"])
def test_a_word_that_nothing_could_keep_is_made_fit(word: str, kept: str) -> None:
    body = {"id": TARGET_ID, "status": word}
    assert parse_operation(body, None, timedelta()).word == kept
    assert parse_offer_status(body).word == kept
    assert from_json(to_json(kept), str) == kept


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["running", "canceled", "failed", "aborted", TARGET_ID])
    | st.datetimes().map(lambda time: time.isoformat() + "Z")
)
NAMES = [
    "id",
    "status",
    "submissionState",
    "submissionType",
    "createdDateTime",
    "changedTime",
    "lastActionDateTime",
    "version",
    "cancellationRequestState",
]
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, inner))
    ),
    max_leaves=30,
)
OPERATIONS = st.fixed_dictionaries(
    {"id": st.just(TARGET_ID), "status": st.sampled_from(["running", "failed", "aborted"])},
    optional=dict.fromkeys(NAMES[3:], SCALARS),
)


@given(ANY_JSON, st.timedeltas())
def test_any_json_is_read_or_said_to_be_unreadable(body: Any, offset: timedelta) -> None:
    with contextlib.suppress(UnreadableAnswerError):
        parse_listing(body, offset)
    with contextlib.suppress(UnreadableAnswerError):
        parse_operation(body, TARGET_ID, offset)
    with contextlib.suppress(UnreadableAnswerError):
        parse_offer_status(body)


@given(st.lists(OPERATIONS, max_size=5), st.timedeltas())
def test_any_list_with_ids_and_states_is_read(body: list[Any], offset: timedelta) -> None:
    found = parse_listing(body, offset)
    assert len(found) <= len(body)
    assert {operation.id for operation in found} <= {TARGET_ID}


@given(OPERATIONS, st.timedeltas())
def test_only_an_operation_that_has_ended_has_an_end(body: Any, offset: timedelta) -> None:
    found = parse_operation(body, None, offset)
    assert found.ended_at is None or found.state.is_terminal
    for time in (found.started_at, found.ended_at):
        assert time is None or time.utcoffset() == timedelta()
