"""Stacks at the platform's limits: an app with another host.json, storage that can be troubled."""

import contextlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from devstack.processes import ROOT
from devstack.stack import Stack
from tests.e2e.clean_logs import assert_clean
from tests.e2e.seeing import DEADLINE_SECONDS
from tests.integration.storage_proxy import TroubledStorage, troubled

IMPATIENT = {"POLL_SCHEDULE": "* * * * * *", "RETRY_FIRST_SECONDS": "1", "SECOND_LOOK_SECONDS": "2"}
LEASE_SECONDS = 5


@dataclass(frozen=True)
class TroubledStack:
    """A stack whose app reaches storage through proxies; the test reaches it directly."""

    stack: Stack
    storage: TroubledStorage


def app_with(folder: Path, **changes: object) -> Path:
    """The app itself, with some of the top members of its host.json set otherwise."""
    folder.mkdir()
    parts = [path.parent.name for path in ROOT.glob("*/function.json")]
    for part in (*parts, "shared"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    host = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
    (folder / "host.json").write_text(json.dumps(host | changes), encoding="utf-8")
    return folder


def app_that_retries_soon(folder: Path) -> Path:
    """The app, given a message again a second after it failed instead of half a minute."""
    host = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
    queues = host["extensions"]["queues"] | {"visibilityTimeout": "00:00:01"}
    return app_with(folder, extensions=host["extensions"] | {"queues": queues})


def let_checks_pass(stack: Stack) -> None:
    """Wait until the app, just started, is through with trying out its table and its queues.

    Trouble that is meant for a test's own call would strike one of those, and what they put on the
    queues stays there for an hour if the host ends before it has taken it away.
    """
    stack.events.wait_for(lambda event: event.name == "poller-run", DEADLINE_SECONDS)


@contextlib.contextmanager
def troubled_stack(folder: Path) -> Iterator[TroubledStack]:
    """A stack whose storage can be made to fail, in each call and for as long as a test wants."""
    app = app_that_retries_soon(folder / "app")
    stack = Stack(folder / "state", app=app, settings=IMPATIENT, lease_seconds=LEASE_SECONDS)
    stack.start(with_host=False)
    with contextlib.ExitStack() as running:
        running.callback(stack.stop)
        storage = running.enter_context(troubled(stack.storage))
        stack.host.settings["CancelStorage"] = storage.connection_string
        stack.host.start()
        let_checks_pass(stack)
        yield TroubledStack(stack, storage)
        storage.heal()
        stack.host.stop()
    assert_clean(stack)
