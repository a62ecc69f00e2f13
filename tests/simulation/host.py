"""The Functions host's part, and that of the callers: who is at work next, and on what.

Nothing happens between two effects, so time jumps to whatever is due next: a message that becomes
visible, a row that the sweep has to look after, a caller who asks. Timer ticks at which nothing
is due are left out.
"""

import contextlib
import math
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial

from shared.errors import OfferCancelError
from shared.outcome_mail import CLAIM
from shared.queues import QueuedMessage
from shared.record import CancellationRecord, Mail
from shared.sweep import ABANDONED_AFTER_TTL, LOST_AFTER
from tests.simulation.boundaries import Crash
from tests.simulation.callers import call, withdraw
from tests.simulation.world import Asked, TakingBack, World

TICK_SECONDS = 15
HOUSEKEEPING_SECONDS = 60
MAX_DEQUEUE_COUNT = 5
FAILED_VISIBILITY_SECONDS = 30
LEASE_SECONDS = 600
MAX_EFFECTS = 20_000

type Due = tuple[float, Callable[[], None]]


class NeverAtRestError(AssertionError):
    """Something goes on for ever."""


class Host:
    """Brings messages, ticks and calls to the app."""

    def __init__(self, world: World) -> None:
        """Serve this world; whoever is paused by a fault leaves the rest to a host of its own."""
        self.world = world
        self.agenda: list[Due] = []
        self._last_tick = -math.inf
        self._kept_house_at = -math.inf
        world.boundaries.on_pause = self._others_go_on
        world.boundaries.on_leases_end = world.end_leases

    # --- what is to happen ---

    def at(self, seconds: float, work: Callable[[], None]) -> None:
        """Let something happen at a time."""
        self.agenda.append((seconds, work))
        self.agenda.sort(key=lambda due: due[0])

    def ask(
        self, offer: str, at: float = 0.0, operation_id: str | None = None, key: str = ""
    ) -> Asked:
        """Let somebody ask over HTTP, and ask again until there is an answer."""
        number = len(self.world.asked) + 1
        asked = Asked(offer, at, f"asker{number}@contoso.com", operation_id, key=key)
        self.world.asked.append(asked)
        self.ask_again(asked, at)
        return asked

    def ask_again(self, asked: Asked, at: float) -> None:
        """Let the same be asked for once more: sent twice, or delivered twice."""
        self.at(at, lambda: call(self, asked))

    def take_back(self, asked: Asked, at: float) -> None:
        """Let somebody withdraw what they have asked for, once they know its id."""
        taking = TakingBack(asked)
        self.world.taken_back.append(taking)
        self.at(at, lambda: withdraw(self, taking))

    def next_call(self) -> None:
        """Whoever asks next does so now."""
        self._from_agenda(self.agenda[0][1])

    def run(self, until: float = math.inf) -> None:
        """Let everything happen that is due until then; for ever means until all is at rest."""
        time = self.world.time
        while (due := self._next()) is not None and due[0] <= until:
            if len(self.world.boundaries.effects) > MAX_EFFECTS:
                raise NeverAtRestError("this never comes to rest")
            time.advance_to(due[0])
            due[1]()
        if until < math.inf:
            time.advance_to(until)

    def tick(self) -> None:
        """One invocation of the timer trigger."""
        self._last_tick = self.world.time.seconds
        with self.invocation("timer") as app_lives, self.world.steps() as steps:
            app = self.world.app(steps)
            try:
                app.poller.run()
            finally:
                if self._last_tick - self._kept_house_at >= HOUSEKEEPING_SECONDS:
                    self._kept_house_at = self._last_tick
                    app.housekeeping.run_if_due()
            app_lives()

    def redrive(self, which: int, operation_id: str | None = None) -> None:
        """A person puts one record of the poison queues back, if there is one."""
        with self.invocation("operator") as app_lives:
            app = self.world.app()
            with app.shelf.opened() as shelf:
                if shelf:
                    app.redrive.put_back(shelf[which % len(shelf)], operation_id)
            app_lives()

    def deliver(self) -> None:
        """One invocation of the queue trigger, for the next message that is due."""
        with self.invocation("queue") as app_lives:
            queue = self.world.guarded(self.world.requests, "requests")
            for message in queue.receive(1, LEASE_SECONDS):
                self._process(message)
            app_lives()

    def _process(self, message: QueuedMessage) -> None:
        queue = self.world.guarded(self.world.requests, "requests")
        if message.dequeue_count <= MAX_DEQUEUE_COUNT:
            try:
                self.world.app().submission.handle(message)
            except Exception:
                if message.dequeue_count < MAX_DEQUEUE_COUNT:
                    queue.update(message, message.text, FAILED_VISIBILITY_SECONDS)
                    return
            else:
                queue.delete(message)
                return
        self.world.put_poison(message)
        queue.delete(message)

    @contextlib.contextmanager
    def invocation(self, name: str) -> Iterator[Callable[[], None]]:
        """One invocation, which says at its end that its process lives.

        What ends in a crash has lost whatever the process remembered.
        """
        boundaries, survived = self.world.boundaries, False

        def app_lives() -> None:
            nonlocal survived
            survived = True

        actor = boundaries.begin(name)
        try:
            with contextlib.suppress(Crash, OfferCancelError):
                yield app_lives
        finally:
            boundaries.end(actor)
            if not survived:
                self._kept_house_at = -math.inf

    # --- what is next ---

    def _next(self) -> Due | None:
        now = self.world.time.seconds
        dues = [*self.agenda[:1]]
        if dues:
            at, work = dues[0]
            dues = [(at, partial(self._from_agenda, work))]
        if (visible := self.world.requests.next_visible_at) is not None:
            dues.append((self.world.time.since_start(visible), self.deliver))
        if (wanted := self._timer_wanted()) is not None:
            ticks = math.ceil(max(wanted, now) / TICK_SECONDS) * TICK_SECONDS
            dues.append((max(ticks, self._last_tick + TICK_SECONDS), self.tick))
        return min(dues, key=lambda due: due[0], default=None)

    def _from_agenda(self, work: Callable[[], None]) -> None:
        self.agenda.pop(0)
        work()

    def _timer_wanted(self) -> float | None:
        """When there is something for the timer trigger to do."""
        world = self.world
        rows = [moment for row in world.rows if (moment := self._row_due(row)) is not None]
        lost = [row.last_step_at + LOST_AFTER for row in world.rows if _may_be_lost(row)]
        moments = [*rows, *(world.time.since_start(moment) for moment in lost)]
        if (visible := world.pending.next_visible_at) is not None:
            moments.append(world.time.since_start(visible))
        for queue in (world.requests_poison, world.pending_poison):
            moments.extend(
                world.time.since_start(each.visible_at)
                for each in queue.stored
                if '"digestedAt"' not in each.text
            )
        return min(moments, default=None)

    def _row_due(self, row: CancellationRecord) -> float | None:
        if not row.is_open:
            return None
        policy = self.world.policy
        moment = row.last_step_at + policy.request_ttl + ABANDONED_AFTER_TTL
        if row.post_confirmed_at is None and row.notice in (Mail.NONE, Mail.SENDING):
            waits = CLAIM if row.notice is Mail.SENDING else timedelta()
            since = row.notice_at or row.requested_at
            notice = max(row.requested_at + policy.notification_delay, since + waits)
            moment = min(moment, notice)
        return self.world.time.since_start(moment)

    # --- while somebody is paused ---

    def _others_go_on(self, seconds: float) -> None:
        kept, self._kept_house_at = self._kept_house_at, -math.inf
        if seconds:
            self.run(self.world.time.seconds + seconds)
        else:
            self._with_twins()
        self._kept_house_at = kept

    def _with_twins(self) -> None:
        """Everything that somebody holds is delivered a second time, at once."""
        self.world.end_leases()
        now = self.world.time()
        held = [each for each in self.world.requests.stored if each.visible_at <= now]
        for _ in held:
            self.deliver()
        self.tick()


def _may_be_lost(row: CancellationRecord) -> bool:
    """Whether the sweep makes its pending message again, if nothing moves the row."""
    if not row.pending_queued or row.mail is not Mail.NONE or row.mail_at is not None:
        return False
    was_made = "outcome-found" if row.outcome else "cancellation-pending"
    return sum(step.step == was_made for step in row.history) < 2
