import pytest

from tests.integration.stage import Stage

pytestmark = pytest.mark.integration


def test_what_runs_is_canceled_and_its_true_end_is_mailed(stage: Stage) -> None:
    stage.given("cancels-after-202")
    request_id = stage.ask()
    row = stage.play_out(request_id)
    assert row.outcome is not None
    assert row.outcome.name == "canceled"
    assert stage.target.canceled_by_call
    assert len(stage.posts) == 1
    assert "Canceled" in stage.mail.subject
    assert stage.requests.kept == stage.pending.kept == []
