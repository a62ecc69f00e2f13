"""The scenario file as a whole: every scenario is described, and none is left without a test."""

from pathlib import Path

import pytest

from devstack.partner_center import scenarios


@pytest.mark.parametrize("name", scenarios())
def test_a_scenario_is_described_in_one_sentence(name: str) -> None:
    description = scenarios()[name].description
    assert description[-1] == "."
    assert ". " not in description.replace(" s. ", " ")
    assert len(description) <= 100


@pytest.mark.parametrize("name", scenarios())
def test_a_scenario_is_exercised_by_some_test_of_the_simulator(name: str) -> None:
    tests = Path(__file__).parent.glob("test_partner_center_*.py")
    assert any(f'"{name}"' in test.read_text(encoding="utf-8") for test in tests)
