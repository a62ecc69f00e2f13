"""Every group runs and gives whole rows; the figures of sizes so small mean nothing."""

import json
from dataclasses import replace
from math import isfinite
from pathlib import Path

import pytest

from benchmarks.__main__ import GROUPS, main
from benchmarks.rows import render, write_json
from benchmarks.run import Run
from benchmarks.sizes import QUICK

pytestmark = pytest.mark.integration

TINY = replace(
    QUICK,
    name="tiny",
    cold_samples=1,
    accept_requests=10,
    submit_requests=3,
    submit_one_by_one=2,
    answer_seconds=(0.05,),
    populations=(20,),
    poll_seconds=1,
    scenarios=1,
    operations=20,
    few_pending=1,
    many_pending=5,
    listed=600,
    list_requests=2,
    idle_runs=1,
)
GOALS = {"cold": 1, "poll": 1, "calls": 1, "mail": 2, "memory": 1}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(TINY, tmp_path_factory.mktemp("bench"), {"POLL_SCHEDULE": "* * * * * *"})


@pytest.mark.parametrize("group", GROUPS)
def test_every_figure_stands_beside_a_baseline_that_was_measured_too(
    run: Run, group: str, tmp_path: Path
) -> None:
    rows = list(GROUPS[group](run))
    assert {row.group for row in rows} == {group}
    for row in rows:
        assert all((row.name, row.unit, row.baseline))
        assert isfinite(row.value + row.baseline_value)
        assert row.value > 0 or row.unit == "USD"
        assert (row.met is None) == (row.goal == "")
    assert sum(bool(row.goal) for row in rows) == GOALS.get(group, 0)
    assert all(row.name in render(rows) for row in rows)
    write_json(rows, tmp_path / "bench.json", TINY.name)
    told = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    assert [row["name"] for row in told["rows"]] == [row.name for row in rows]


def test_a_cancellation_by_http_and_one_202_keeps_to_its_transactions(run: Run) -> None:
    [counted] = run.counted
    assert counted.transactions <= 14 + 2 * counted.unfinished_polls
    assert counted.partner_center_calls == 3 + counted.unfinished_polls + 1


def test_a_group_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--only", "nonsense"])
    assert ended.value.code == 2
    assert "nonsense" in capsys.readouterr().err
