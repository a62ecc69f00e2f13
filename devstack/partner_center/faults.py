"""Faults: what goes wrong with single calls, independent of what the operations do.

A fault names the routes it strikes, when it strikes, and what becomes of the answer. The first
that applies to a call wins; every fault counts the calls on its routes, struck or not, so that
`first` of one and `skip` of the next describe a sequence.
"""

from typing import Literal

from msgspec import Struct, field

Route = Literal["list", "status", "operation", "publish", "cancel"]


class Fault(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One fault; the attributes are the keys of a `faults` entry in the scenario file."""

    on: tuple[Route, ...]

    skip: int = 0
    """So many calls pass before it strikes."""
    first: int | None = None
    """It strikes so many calls; all of them if not given."""
    for_seconds: float | None = None
    """It strikes for so long, from the first call on."""
    unless_if_match: bool = False
    """It strikes only calls without `If-Match: *`."""

    carried_out: bool = False
    """The call is carried out although its answer says otherwise or never comes."""
    delay_seconds: float = 0
    """The answer is late."""
    drop: bool = False
    """The connection is closed without an answer."""
    status: int | None = None
    """Another status in place of the answer, with the error envelope of `code` and `message`."""
    code: str = ""
    message: str = ""
    body: str | None = None
    """Another body in place of the envelope, as it stands."""
    headers: dict[str, str] = field(default_factory=dict)
    retry_after_seconds: int | None = None
    retry_after_as_date: bool = False
    pad_bytes: int = 0
    """So many spaces after the true answer: harmless to a reader without a limit."""
    drip_every_seconds: float = 0
    """After the true answer, a space every so often, without end."""

    @property
    def lets_through(self) -> bool:
        """Whether the call is carried out."""
        return self.carried_out or (self.status is None and not self.drop)


class FaultLine:
    """The faults of one offer with what they remember of earlier calls."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        """Starts with no call seen."""
        self._counters = [_Counter(fault) for fault in faults]

    def strike(self, route: Route, *, if_match: str, now: float) -> Fault | None:
        """Counts a call and returns the fault that it meets."""
        met = [counter for counter in self._counters if counter.counts(route, if_match)]
        struck = [counter.fault for counter in met if counter.strikes(now)]
        return struck[0] if struck else None


class _Counter:
    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self._seen = 0
        self._first_seen_at: float | None = None

    def counts(self, route: Route, if_match: str) -> bool:
        excused = self.fault.unless_if_match and if_match == "*"
        return route in self.fault.on and not excused

    def strikes(self, now: float) -> bool:
        fault = self.fault
        if self._first_seen_at is None:
            self._first_seen_at = now
        number = self._seen
        self._seen += 1
        if fault.for_seconds is not None and now - self._first_seen_at >= fault.for_seconds:
            return False
        return number >= fault.skip and (fault.first is None or number < fault.skip + fault.first)
