"""What 1,000 cancellations and an idle month cost in Azure, by public prices."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import mean, median

from benchmarks import children, prices, until_mail
from benchmarks.rows import Row
from benchmarks.run import Run
from benchmarks.wire import Wire

GROUP = "cost"
_CANCELLATIONS = 1000
_OPERATIONS = 1000
_CALL_BYTES = 1000  # an assumption: a request with its token
_DAYS = 365 / 12
_RUNS = _DAYS * 24 * 3600 / until_mail.TICK_SECONDS
_MINUTES = _DAYS * 24 * 60
_SECONDS_OF_TWO = 1.0  # accept and submission take less than what is billed at least
_GRANTS = {True: "with free grants", False: "without grants"}


@dataclass(frozen=True)
class Idle:
    """What the timer takes while nothing is pending.

    Attributes:
        run: Transactions of one run, by service.
        minute: Those of the housekeeping, once a minute.
        hour: Those of the checks, once an hour.
        seconds: How long a run takes.
        minute_seconds: How long one with housekeeping takes at the most: in a fresh process.
    """

    run: Counter[str]
    minute: Counter[str]
    hour: Counter[str]
    seconds: float
    minute_seconds: float

    def monthly(self, service: str) -> float:
        """The transactions of a month."""
        hours = _MINUTES / 60
        return (
            _RUNS * self.run[service] + _MINUTES * self.minute[service] + hours * self.hour[service]
        )


def measure(run: Run) -> Iterator[Row]:
    """Both, with and without the free grants."""
    idle = _idle(run)
    yield Row(
        group=GROUP,
        name="a run of PollTimerTrigger with nothing to do",
        value=idle.seconds * 1000,
        unit="ms",
        baseline="the least that is billed",
        baseline_value=prices.MINIMUM_SECONDS * 1000,
    )
    for with_grants, grants in _GRANTS.items():
        yield Row(
            group=GROUP,
            name=f"an idle month, {grants}",
            value=_idle_month(idle, with_grants=with_grants),
            unit="USD",
            baseline="an empty timer, each 15 s",
            baseline_value=prices.executions(_RUNS, 0, with_grants=with_grants),
        )
    for with_grants, grants in _GRANTS.items():
        yield Row(
            group=GROUP,
            name=f"{_CANCELLATIONS} cancellations, {grants}",
            value=_cancellations(run, with_grants=with_grants),
            unit="USD",
            baseline="their mails alone",
            baseline_value=_mails(run),
        )


def _idle_month(idle: Idle, *, with_grants: bool) -> float:
    plain = _RUNS - _MINUTES
    seconds = (plain * idle.seconds + _MINUTES * idle.minute_seconds) / _RUNS
    return prices.executions(_RUNS, seconds, with_grants=with_grants) + prices.storage(
        idle.monthly("Queue"), idle.monthly("Table")
    )


def _cancellations(run: Run, *, with_grants: bool) -> float:
    """By HTTP and one 202, polled as in the model; the timer's runs are the idle month's."""
    plain = next(counted for counted in run.counted if counted.played.is_plain)
    calls = mean(
        heard.calls for heard in until_mail.play(_OPERATIONS, plain.mail_seconds, fixed=None)
    )
    queue = plain.queue_transactions + 2 * (calls - 1 - plain.unfinished_polls)
    calls += plain.partner_center_calls - plain.unfinished_polls - 1
    bytes_out = _CANCELLATIONS * (calls * _CALL_BYTES + plain.mail_bytes)
    return (
        prices.executions(2 * _CANCELLATIONS, _SECONDS_OF_TWO, with_grants=with_grants)
        + prices.storage(_CANCELLATIONS * queue, _CANCELLATIONS * plain.table_transactions)
        + prices.traffic(bytes_out, with_grants=with_grants)
        + _mails(run)
    )


def _mails(run: Run) -> float:
    return prices.mails(_CANCELLATIONS, median(each.mail_bytes for each in run.counted))


def _idle(run: Run) -> Idle:
    runs = run.sizes.idle_runs
    with run.stack(with_host=False) as stack, Wire(stack.storage) as wire:
        run.say("the timer with nothing to do")
        settings = stack.app_settings() | {"CancelStorage": wire.connection_string}
        # A new process keeps house in its first run, and checks if nobody has within the hour.
        first, _ = _requests(wire, "run_timer", "0", settings)
        minute, [kept] = _requests(wire, "keep_house", "", settings)
        several, told = _requests(wire, "run_timer", str(runs), settings)
    each = Counter({name: round(n / (runs + 1)) for name, n in (several - minute).items()})
    return Idle(
        run=each,
        minute=minute,
        hour=first - minute - each,
        seconds=median(figures["seconds"] for figures in told[1:]),
        minute_seconds=kept["seconds"],
    )


def _requests(
    wire: Wire, program: str, argument: str, settings: Mapping[str, str]
) -> tuple[Counter[str], list[dict[str, float]]]:
    """A program's requests to Storage, by service, and what it told."""
    wire.exchanges.clear()
    told = children.run(program, argument, settings)
    return Counter(exchange.service for exchange in wire.exchanges), told
