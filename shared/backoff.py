"""How long to wait before a retry: doubling, with full jitter, so that nothing comes in waves."""

import random

MAX_BACKOFF_SECONDS = 900.0


def backoff_seconds(first: float, failures: int, retry_after: float | None = None) -> float:
    """Seconds to wait after so many failures in a row, at most 15 minutes.

    Args:
        first: The upper bound after the first failure, in seconds.
        failures: Failures before this one.
        retry_after: What the other side asked to wait; never waits less.
    """
    ceiling = min(first * 2 ** min(failures, 20), MAX_BACKOFF_SECONDS)
    jittered = random.uniform(0, ceiling)  # noqa: S311 - spreads load, guards nothing
    return min(max(jittered, retry_after or 0.0), MAX_BACKOFF_SECONDS)
