"""What must hold of the whole world when it has come to rest, beside what holds of each request."""

import json
from collections.abc import Callable, Iterator

from shared.models import to_json
from tests.simulation.portal import TOKEN
from tests.simulation.world import World

NO_ID = "request without an id"
AND_MORE = "... and "


def _lost(world: World) -> Iterator[str]:
    """What was accepted and left no trace, and what nobody ever picks up."""
    known = {row.request_id for row in world.rows}
    for asked in world.asked:
        if not asked.accepted_id and not asked.is_refused:
            yield f"{asked.email} was never answered"
        elif asked.accepted_id and asked.accepted_id not in known:
            yield f"request {asked.accepted_id} was accepted and is lost"
    for queue in (world.requests, world.pending):
        if queue.stored:
            yield f"{len(queue.stored)} messages are left on {queue.name}"


def _unnoticed(world: World) -> Iterator[str]:
    """What lies on a poison queue without the people who run the app having had a mail of it."""
    told = "\n".join(digest.text for digest in world.mail.digests)
    are_all_listed = AND_MORE not in told
    without_id = 0
    for text in world.poisoned:
        record = _record(text)
        if record is None:
            yield f"nobody has noticed what was poisoned: {text}"
        elif not record.get("requestId"):
            without_id += 1
        elif are_all_listed and str(record["requestId"]) not in told:
            yield f"no operator was told of {record['requestId']}"
    if are_all_listed and told.count(NO_ID) < without_id:
        yield f"no operator was told of all {without_id} records without an id"


def _gone(world: World) -> Iterator[str]:
    """What could not be read is kept as it was received."""
    kept = [record["message"] for text in world.poisoned if (record := _record(text))]
    for text in world.malformed:
        if text not in kept:
            yield f"a malformed message is gone: {text}"


def _credentials_left(world: World) -> Iterator[str]:
    """A call to where no token may go, and a token where people read."""
    yield from (f"a call to {path}" for path in world.portal.strays)
    read_by_people = [
        *(to_json(row) for row in world.rows),
        *world.poisoned,
        *(mail.text for mail in (*world.mail.accepted, *world.mail.digests)),
    ]
    yield from (f"the token is told: {text}" for text in read_by_people if TOKEN in text)


def _record(text: str) -> dict[str, object] | None:
    """A poison record; None for the raw copy that the host writes."""
    try:
        read = json.loads(text)
    except ValueError:
        return None
    return read if isinstance(read, dict) and "reason" in read and "message" in read else None


AFTERMATH: tuple[Callable[[World], Iterator[str]], ...] = (
    _lost,
    _unnoticed,
    _gone,
    _credentials_left,
)
