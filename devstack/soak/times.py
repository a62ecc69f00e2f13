"""The app's fixed times, shorter; standard library only, since it is loaded before the app.

That is honest, because a soak tests what happens in which order, and only lengths of time change;
and because what has to outlast what still does: a claim on a mail outlasts the mail's lease, a
held message a run of the poller. The app has no settings for these times and needs none: they
follow from limits of the platform.
"""

from collections.abc import Mapping
from datetime import timedelta

HURRIED_CONSTANTS: Mapping[str, Mapping[str, float | timedelta]] = {
    "shared.backoff": {"MAX_BACKOFF_SECONDS": 5.0, "LONGEST_WAIT_SECONDS": 6.0},
    "shared.outcome_mail": {"CLAIM": timedelta(seconds=15), "RETRY_FIRST_SECONDS": 1.0},
    "shared.poll_times": {"FIRST_POLL_SECONDS": 1.0, "TICK_SECONDS": 0.9},
    "shared.polling": {"CANCEL_FAILED_AFTER": timedelta(seconds=3)},
    "shared.call_results": {"CONFLICT_PATIENCE": timedelta(seconds=10)},
    "shared.joining": {"WAIT": timedelta(seconds=1), "_PATIENCE": timedelta(seconds=4)},
    "shared.putting_back": {"DELAY_SECONDS": 3.0},
    "shared.pending_step": {"MAIL_LEASE_SECONDS": 10.0},
    "shared.poller": {"LONGEST_RUN": timedelta(seconds=10), "HOLD_SECONDS": 15.0},
    "shared.notification.guarded": {"TRY_EVERY": timedelta(seconds=2)},
    "shared.housekeeping": {"EVERY": timedelta(seconds=2)},
    "shared.sweep": {"_RETRY_FIRST_SECONDS": 1.0},
    "shared.poison_watch": {"_LEASE_SECONDS": 10.0},
    "shared.poison_digest": {"LEASE_SECONDS": 10.0, "_RETRY_FIRST_SECONDS": 1.0},
}
