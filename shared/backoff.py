"""How long to wait before a retry: doubling, with full jitter, so that nothing comes in waves.

At its longest the wait has a floor instead: whatever is down for a day is asked about 95 times, not
twice as often.
"""

import random

MAX_BACKOFF_SECONDS = 900.0
SHORTEST_WAIT_SECONDS = 1.0  # queues count in whole seconds, and none would be no wait at all
LONGEST_WAIT_SECONDS = 1.2 * MAX_BACKOFF_SECONDS


def backoff_seconds(first: float, failures: int, retry_after: float | None = None) -> float:
    """Seconds to wait after so many failures in a row: at the longest, 15 to 18 minutes.

    Args:
        first: The upper bound after the first failure, in seconds.
        failures: Failures before this one.
        retry_after: What the other side asked to wait, honoured up to 15 minutes.
    """
    ceiling = first * 2 ** min(failures, 20)
    is_longest = ceiling >= MAX_BACKOFF_SECONDS
    shortest = min(SHORTEST_WAIT_SECONDS, ceiling)
    bounds = (MAX_BACKOFF_SECONDS, LONGEST_WAIT_SECONDS) if is_longest else (shortest, ceiling)
    jittered = random.uniform(*bounds)  # noqa: S311 - spreads load, guards nothing
    return max(jittered, min(retry_after or 0.0, MAX_BACKOFF_SECONDS))
