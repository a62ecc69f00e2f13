"""Thousands of runs: their logs would bury the one that fails, which prints its own story."""

import logging
from collections.abc import Iterator

import pytest

from shared.telemetry import LOGGER_NAME


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logger = logging.getLogger(LOGGER_NAME)
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    yield
    logger.setLevel(before)
