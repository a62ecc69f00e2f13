"""Ticking a timer: one run at a time, the next armed when it has ended."""

import json
from datetime import UTC, datetime

from devstack.host.function_json import FunctionDefinition
from devstack.host.protos import TypedData
from devstack.host.runtime import FunctionRuntime
from devstack.host.schedule import Schedule
from devstack.host.stopping import StopSignal


class TimerListener:
    """Runs one function on its schedule.

    A run that fails is logged by the runtime and not repeated; occurrences that pass during a
    run are skipped.
    """

    def __init__(
        self, function: FunctionDefinition, schedule: Schedule, runtime: FunctionRuntime
    ) -> None:
        """Prepare it; nothing ticks before ``run``."""
        self._function = function
        self._schedule = schedule
        self._runtime = runtime

    async def run(self, stop: StopSignal) -> None:
        """Tick until the host stops, then return when the run under way has ended."""
        last = None
        due = self._schedule.next_after(datetime.now(UTC))
        while not stop.is_set:
            # In steps, since the loop's clock and the one on the wall drift apart.
            if (remaining := (due - datetime.now(UTC)).total_seconds()) > 0:
                await stop.wait(min(remaining, 60))
                continue
            await self._runtime.invoke(self._function, timer_request(self._schedule, last))
            last = due
            due = self._schedule.next_after(max(due, datetime.now(UTC)))


def timer_request(schedule: Schedule, last: datetime | None = None) -> TypedData:
    """Return what the runtime turns into ``azure.functions.TimerRequest``."""
    now = datetime.now(UTC)
    return TypedData(
        json=json.dumps(
            {
                "IsPastDue": False,
                "Schedule": {"AdjustForDST": True},
                "ScheduleStatus": {
                    "Last": last and last.isoformat(),
                    "LastUpdated": now.isoformat(),
                    "Next": schedule.next_after(now).isoformat(),
                },
            }
        )
    )
