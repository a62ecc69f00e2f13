"""Scripts that once found the app in the wrong; each is replayed as it was found."""

import pytest

from tests.simulation.runs import failure, script_of
from tests.simulation.stories import replay
from tests.simulation.test_single_faults import is_sound


@pytest.mark.parametrize(
    ("scenario", "faults"),
    [
        pytest.param(
            "answer-lost-then-404", "7 twin", id="a twin's call is forgotten and its end denied"
        ),
        pytest.param(
            "newer-before-cancel", "7 crash-after", id="a publish that was hit is not named"
        ),
        pytest.param(
            "newer-before-cancel", "7 answer-lost", id="nor after an answer that was lost"
        ),
        pytest.param("redirects-reads", "82 crash-after", id="a repeated mail tells another time"),
        pytest.param(
            "replaced-by-newer", "6 crash-after", id="an ended row does not name its target"
        ),
        pytest.param(
            "operation-says-completed", "7 crash-after", id="a path's end is believed unconfirmed"
        ),
    ],
)
def test_a_script_that_found_something_finds_nothing_any_more(scenario: str, faults: str) -> None:
    disturbed = replay(scenario, faults)
    assert is_sound(disturbed), failure(scenario, script_of(faults), disturbed)


@pytest.mark.parametrize(
    ("story", "faults"),
    [
        pytest.param(
            "a_request_that_is_put_back", "29 answer-lost", id="a mail that may be out is denied"
        ),
        pytest.param(
            "a_newer_publish_that_nobody_read_again", "", id="a poisoned request does not name it"
        ),
        pytest.param(
            "a_message_that_nobody_survives_twice",
            "16 crash-after",
            id="nor does one whose end was known",
        ),
        pytest.param(
            "a_key_that_two_requests_have",
            "1 answer-lost",
            id="a row that is made anew does not know what its key was used for",
        ),
    ],
)
def test_a_story_that_found_something_finds_nothing_any_more(story: str, faults: str) -> None:
    disturbed = replay(story, faults)
    assert not disturbed.problems, failure(story, script_of(faults), disturbed)
