"""One run of the benchmarks: its sizes, its folder, and what several groups need."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from benchmarks.scenarios import Counted, count_scenarios
from benchmarks.sizes import Sizes
from devstack.stack import Stack


class Run:
    """What every group measures with."""

    def __init__(
        self, sizes: Sizes, folder: Path, settings: Mapping[str, str] | None = None
    ) -> None:
        """Measure with these sizes.

        Args:
            sizes: How much.
            folder: Where the stacks keep their state.
            settings: App settings that differ from the stack's own.
        """
        self.sizes = sizes
        self._settings = dict(settings or {})
        self._folder = folder
        self._stacks = 0

    @cached_property
    def counted(self) -> list[Counted]:
        """The scenarios, played once and counted."""
        with self.stack(with_host=False) as stack:
            self.say("one cancellation in each scenario, on the default schedule")
            return count_scenarios(stack, self.sizes.scenarios)

    @contextmanager
    def stack(self, *, with_host: bool, **settings: str) -> Iterator[Stack]:
        """A stack of its own, in memory, with these settings changed."""
        self._stacks += 1
        stack = Stack(self._folder / str(self._stacks), settings=self._settings | settings)
        stack.start(with_host=with_host)
        try:
            yield stack
        finally:
            stack.stop()

    def say(self, what: str) -> None:
        """Tell the person who waits what is being measured."""
        print(f"... {what}", file=sys.stderr, flush=True)
