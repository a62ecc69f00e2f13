import itertools

import pytest

from devstack.soak.plan import LANES, Kind, plan


def test_a_seed_always_plans_the_same_and_another_seed_something_else() -> None:
    assert plan(7, 60) == plan(7, 60)
    assert plan(7, 60) != plan(8, 60)


@pytest.mark.parametrize("seed", range(20))
def test_even_the_shortest_plan_has_every_kind(seed: int) -> None:
    assert {each.kind for lane in plan(seed, 1) for each in lane} == set(Kind)


@pytest.mark.parametrize("seed", range(20))
def test_what_breaks_one_part_is_over_before_that_part_breaks_again(seed: int) -> None:
    for lane in plan(seed, 300):
        for one, other in itertools.pairwise(lane):
            assert one.begins + one.lasts < other.begins


def test_a_longer_plan_begins_as_the_shorter_one() -> None:
    for short, long in zip(plan(7, 60), plan(7, 600), strict=True):
        assert long[: len(short)] == short


def test_nothing_begins_that_would_not_end_in_time() -> None:
    assert all(each.begins + each.lasts <= 600 for lane in plan(7, 600) for each in lane)


def test_a_plan_can_be_of_some_kinds_only() -> None:
    [lane] = plan(7, 60, frozenset({Kind.MAIL_GONE}))
    assert {each.kind for each in lane} == {Kind.MAIL_GONE}


def test_every_kind_has_one_lane() -> None:
    kinds = [kind for lane in LANES for kind in lane.kinds]
    assert sorted(kinds) == sorted(Kind)
