"""When a timer is due: NCRONTAB as Azure Functions reads it.

Six fields, seconds first, in UTC; a day must fit both the day-of-month and the day-of-week field,
where other crons take either. croniter knows a larger language than NCRONTAB, so what would fail
in Azure is refused before it gets there.
"""

import calendar
import re
from datetime import UTC, datetime
from typing import cast

from croniter import CroniterError, croniter

from devstack.host.errors import AppConfigurationError

_FIELD_COUNT = 6
_FIELD = re.compile(r"[0-9A-Za-z*,/-]+")
_LETTERS = re.compile(r"[A-Za-z]+")
_NAMES = frozenset(
    name.lower() for names in (calendar.month_abbr, calendar.day_abbr) for name in names if name
)


class Schedule:
    """The occurrences of one NCRONTAB expression."""

    def __init__(self, expression: str) -> None:
        """Check the expression; raises AppConfigurationError if Azure would refuse it."""
        fields = expression.split()
        if len(fields) != _FIELD_COUNT or not all(map(_is_ncrontab, fields)):
            raise _not_ncrontab(expression)
        self._expression = " ".join(fields)
        try:
            self.next_after(datetime.now(UTC))
        except CroniterError as error:
            raise _not_ncrontab(expression) from error

    def next_after(self, moment: datetime) -> datetime:
        """Return the first occurrence later than the moment."""
        occurrences = croniter(self._expression, moment, day_or=False, second_at_beginning=True)
        return cast("datetime", occurrences.get_next(datetime))


def _is_ncrontab(field: str) -> bool:
    names = (name.lower() for name in _LETTERS.findall(field))
    return _FIELD.fullmatch(field) is not None and _NAMES.issuperset(names)


def _not_ncrontab(expression: str) -> AppConfigurationError:
    # croniter's own message shows the fields in its order, not in the one that was written.
    return AppConfigurationError(
        f"schedule {expression!r} is not NCRONTAB: it takes six fields (second minute hour day "
        "month day-of-week), each within its range, and a date that comes"
    )
