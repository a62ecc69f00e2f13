"""How much is measured: enough for figures to be believed, or just enough to see them come."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """The size of everything.

    Attributes:
        name: What the output calls it.
        cold_samples: Fresh processes per function, and as many of its baseline.
        accept_requests: Requests per accept measurement.
        accept_clients: Clients that send at the same time.
        submit_requests: Requests to submit, per measurement.
        submit_one_by_one: The same where one is worked on at a time.
        answer_seconds: How late Partner Center's answers are while submitting and polling.
        populations: How many cancellations are pending while submitting and polling.
        poll_seconds: How long polling is watched.
        scenarios: How many of the scenarios are counted; all where None.
        operations: Operations in the model of the time until the mail.
        few_pending: The smaller population for memory.
        many_pending: The larger one.
        listed: Requests that there are while the list is asked for.
        list_requests: How often each list is asked for.
        idle_runs: Runs of the timer with nothing to do.
    """

    name: str
    cold_samples: int
    accept_requests: int
    accept_clients: int
    submit_requests: int
    submit_one_by_one: int
    answer_seconds: tuple[float, ...] = (0.0, 0.2)
    populations: tuple[int, ...]
    poll_seconds: float
    scenarios: int | None
    operations: int
    few_pending: int
    many_pending: int
    listed: int
    list_requests: int
    idle_runs: int


FULL = Sizes(
    name="full",
    cold_samples=15,
    accept_requests=2000,
    accept_clients=4,
    submit_requests=120,
    submit_one_by_one=20,
    populations=(100, 2000),
    poll_seconds=10,
    scenarios=None,
    operations=10_000,
    few_pending=10,
    many_pending=10_000,
    listed=10_000,
    list_requests=100,
    idle_runs=20,
)
QUICK = Sizes(
    name="quick",
    cold_samples=3,
    accept_requests=100,
    accept_clients=4,
    submit_requests=20,
    submit_one_by_one=6,
    populations=(100,),
    poll_seconds=3,
    scenarios=3,
    operations=500,
    few_pending=10,
    many_pending=1000,
    listed=1000,
    list_requests=20,
    idle_runs=5,
)
