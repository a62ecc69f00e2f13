"""Medians and percentiles."""

from collections.abc import Sequence
from math import ceil


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share (0 to 1) of all values do not exceed."""
    return sorted(values)[max(0, ceil(share * len(values)) - 1)]
