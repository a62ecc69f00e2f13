"""The stacks that the end-to-end tests share: one each for what would get in another's way."""

import contextlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from devstack.stack import Stack
from shared.queues import PENDING_CANCELLATIONS
from tests.e2e.asking import PUBLISHER, ask, enqueue
from tests.e2e.breaking import Outages, outages_over
from tests.e2e.clean_logs import assert_clean, assert_nothing_crashed
from tests.e2e.seeing import PoisonRecords, event_of, eventually, pending_message, row_of
from tests.e2e.stories import ENDLESS, IMPATIENT_STORIES, STORIES, Told, tell

# Fast, but in everything else as in Azure.
FAST = {
    "POLL_SCHEDULE": "*/2 * * * * *",
    "SECOND_LOOK_SECONDS": "6",
    "RETRY_FIRST_SECONDS": "2",
    "ALLOWED_PUBLISHERS": "contoso, Fabrikam",
}
IMPATIENT = {
    **FAST,
    "RETRY_FIRST_SECONDS": "1",
    "POLL_LEASE_SECONDS": "12",  # a read may take a third of it
    "CANCEL_REQUEST_TTL_HOURS": "0.006",
    "CANCEL_CONFIRM_MINUTES": "0.25",
}
BREAKABLE = {**FAST, "SECOND_LOOK_SECONDS": "2", "RETRY_FIRST_SECONDS": "1"}


@contextlib.contextmanager
def _stack(folder: Path, settings: Mapping[str, str], **options: object) -> Iterator[Stack]:
    with Stack(folder, settings=settings, **options) as stack:  # type: ignore[arg-type]
        yield stack
    assert_clean(stack)


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack that is shared; nobody stops a part of it."""
    with _stack(tmp_path_factory.mktemp("stack"), FAST) as running:
        yield running
    assert_nothing_crashed(running)


@pytest.fixture(scope="package")
def poison(stack: Stack) -> PoisonRecords:
    return PoisonRecords(stack)


@pytest.fixture(scope="package")
def delivered_twice(stack: Stack) -> str:
    """The id of a request whose pending cancellation is on the queue twice."""
    stack.partner_center.create_offer(PUBLISHER, "delivered-twice", "cancels-after-202")
    request_id = ask(stack, "delivered-twice")
    event_of(stack, request_id, "cancel-accepted")
    eventually(lambda: row_of(stack, request_id)["pendingQueued"], "it is pending")
    enqueue(stack, pending_message(stack, request_id), PENDING_CANCELLATIONS)
    return request_id


@pytest.fixture(scope="package")
def asked_by_many(stack: Stack) -> list[str]:
    """The ids of requests for one offer, made at once."""
    stack.partner_center.create_offer(PUBLISHER, "asked-by-many", "cancels-after-202")
    with ThreadPoolExecutor(6) as threads:
        return list(threads.map(lambda _: ask(stack, "asked-by-many"), range(6)))


@pytest.fixture(scope="package")
def told(stack: Stack) -> dict[str, Told]:
    """Every story but the impatient, begun at once, by offer."""
    return {story.offer: tell(stack, story) for story in (*STORIES, ENDLESS)}


@pytest.fixture(scope="package")
def told_impatiently(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Told]]:
    """The stories that only end by a deadline, in a stack where deadlines are short."""
    with _stack(tmp_path_factory.mktemp("impatient"), IMPATIENT) as running:
        begun: dict[str, Told] = {}
        for story in IMPATIENT_STORIES:
            begun[story.offer] = tell(running, story)
            if story.outcome == "unconfirmed":  # before the others keep every worker waiting
                event_of(running, begun[story.offer].request_id, "cancel-accepted")
        yield begun


@pytest.fixture(scope="package")
def breakable_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("breakable")
    with _stack(folder, BREAKABLE, lease_seconds=5, keeps_storage=True) as running:
        yield running


@pytest.fixture(scope="package")
def after_outages(breakable_stack: Stack) -> Outages:
    return outages_over(breakable_stack)


@pytest.fixture
def breakable(breakable_stack: Stack) -> Iterator[Stack]:
    """A stack whose host a test may stop, kill, or start with other settings."""
    settings = dict(breakable_stack.host.settings)
    yield breakable_stack
    host = breakable_stack.host
    if host.settings != settings or not host.is_running:
        host.stop()
        host.settings = settings
        host.start()


@pytest.fixture(scope="package", autouse=True)
def _what_takes_long_is_begun_first(request: pytest.FixtureRequest) -> None:
    """Lets the stories go on while other tests run, if any test of this run is about them."""
    wanted = {name for item in request.session.items for name in getattr(item, "fixturenames", ())}
    for name in ("delivered_twice", "asked_by_many", "told_impatiently", "told", "after_outages"):
        if name in wanted:
            request.getfixturevalue(name)
