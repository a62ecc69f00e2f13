"""The commands. Each returns an exit code: 0, or 1 when something was refused or has failed."""

from argparse import Namespace
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from shared.check_watch import CHECK_EVERY, check_soon, last_found
from shared.checks import CheckResult, Status, run_checks
from shared.errors import InvalidRequestError as Unreadable
from shared.errors import (
    QueueLeaseLostError,
    RedriveRefusedError,
    RowConflictError,
)
from shared.operate import showing
from shared.operate.tools import Tools
from shared.poison_shelf import LEASE_SECONDS, Shelved
from shared.poisoned import find_row, request_in
from shared.record import CancellationRecord

type Numbered = tuple[int, Shelved]

OLD_AFTER = 2 * CHECK_EVERY
_NOT_NOW = (RedriveRefusedError, RowConflictError, QueueLeaseLostError)


def list_records(options: Namespace, tools: Tools) -> int:
    """``list``: what is on the poison queues."""
    now = tools.clock()
    with tools.shelf().opened() as shelf:
        found = [each for each in enumerate(shelf, 1) if _is_on(each[1], options.queue)]
    if options.json:
        _say(tools, [showing.as_json([showing.summary(*each, now) for each in found])])
    elif found:
        _say(tools, showing.listed(found, now))
    else:
        _say(tools, ["Nothing is on the poison queues."])
    return 0


def show_record(options: Namespace, tools: Tools) -> int:
    """``show``: everything about one record, or about all of one request."""
    now = tools.clock()
    with tools.shelf().opened() as shelf:
        found = _chosen(list(enumerate(shelf, 1)), [options.which])
    if not found:
        return _missing(tools, [options.which])
    rows = [_row_of(tools, shelved) for _, shelved in found]
    if options.json:
        shown = [
            {
                **showing.summary(number, shelved, now),
                "message": showing.message_text(
                    shelved.record.message, addresses=options.addresses
                ),
                "row": showing.row_for_programs(row, addresses=options.addresses),
            }
            for (number, shelved), row in zip(found, rows, strict=True)
        ]
        _say(tools, [showing.as_json(shown)])
        return 0
    for (number, shelved), row in zip(found, rows, strict=True):
        _say(tools, showing.in_full(number, shelved, row, now, addresses=options.addresses))
    return 0


def redrive(options: Namespace, tools: Tools) -> int:
    """``redrive``: put messages back on their queue, the oldest first."""
    redrive, interval = tools.redrive(), 60 / options.rate
    with tools.shelf().opened() as shelf:
        numbered = [each for each in enumerate(shelf, 1) if _is_on(each[1], options.queue)]
        found = (_chosen(numbered, options.which) if options.which else numbered)[: options.count]
        missing = [which for which in options.which if not _chosen(numbered, [which])]
        if options.operation_id and len(found) != 1:
            _say(tools, ["--operation-id is for one record; name one that is there."])
            return 1
        for place, (_, shelved) in enumerate(found):
            shelved.hold(LEASE_SECONDS + place * interval)
        to_do = [shelved for _, shelved in found]
        for shelved in shelf:  # the rest need not wait for these
            if all(shelved is not each for each in to_do):
                shelved.put_down()
        failed = 0
        for place, each in enumerate(found):
            if place:
                tools.sleep(interval)
            failed += _tried(
                tools, each, "put back", lambda s: redrive.put_back(s, options.operation_id)
            )
    _say(tools, [f"{len(found) - failed} put back, {failed} not."])
    return 1 if failed or _missing(tools, missing) else 0


def drop(options: Namespace, tools: Tools) -> int:
    """``drop``: remove records for good, after a question."""
    with tools.shelf().opened() as shelf:
        numbered = list(enumerate(shelf, 1))
        found = _chosen(numbered, options.which)
        missing = [which for which in options.which if not _chosen(numbered, [which])]
    if not found:
        return _missing(tools, missing)
    _say(tools, showing.listed(found, tools.clock()))
    if not options.yes and not _is_yes(tools, len(found)):
        _say(tools, ["Nothing was dropped."])
        return 1
    ids = {shelved.message.id for _, shelved in found}
    # Opened anew: nobody else should have to wait for an answer.
    with tools.shelf().opened() as shelf:
        still = [each for each in enumerate(shelf, 1) if each[1].message.id in ids]
        failed = sum(_tried(tools, each, "dropped", Shelved.remove) for each in still)
    gone = len(ids) - len(still)
    _say(tools, [f"{len(still) - failed} dropped, {failed + gone} not."])
    return 1 if failed or gone or _missing(tools, missing) else 0


def check(options: Namespace, tools: Tools) -> int:
    """``check``: whether everything that the app needs can be had."""
    if options.deployed:
        return _deployed(options, tools)
    asked = (options.publisher, options.offer, options.mail_to)
    return _shown(options, tools, run_checks(tools.checks(*(value or "" for value in asked))))


def _deployed(options: Namespace, tools: Tools) -> int:
    """Show what the app found itself; 1 as well if that is so long ago that it cannot be well."""
    memory, now = tools.check_memory(), tools.clock()
    if options.again:
        with suppress(RowConflictError):  # it is checking just now
            check_soon(memory)
        _say(tools, ["The app checks within ten minutes, or at once when it is restarted."])
        return 0
    last = last_found(memory)
    failed = _shown(options, tools, last.found)
    is_old = last.found_at is None or now - last.found_at > OLD_AFTER
    if not options.json:
        _say(tools, showing.found_at(last.found_at, now, is_old=is_old))
    return int(failed or is_old)


def _shown(options: Namespace, tools: Tools, results: Sequence[CheckResult]) -> int:
    """Show what was found; 1 if anything failed."""
    if options.json:
        _say(tools, [showing.as_json(results)])
    for result in () if options.json else results:
        _say(tools, showing.checked(result))
    return int(any(result.status is Status.FAILED for result in results))


def _tried(tools: Tools, each: Numbered, done: str, work: Callable[[Shelved], None]) -> int:
    """Do it to one record, say what came of it; 1 if it could not be done."""
    number, shelved = each
    about = f"{number:>3}  {shelved.record.request_id or '-':36}  {showing.named(shelved, 30)}"
    try:
        work(shelved)
    except _NOT_NOW as error:
        _say(tools, [f"{about}  not {done}", *showing.indented(str(error))])
        return 1
    _say(tools, [f"{about}  {done}"])
    return 0


def _chosen(records: list[Numbered], which: Iterable[str]) -> list[Numbered]:
    """The records with these numbers or request ids."""
    wanted = {name.lower() for name in which}
    return [
        (number, shelved)
        for number, shelved in records
        if str(number) in wanted or shelved.record.request_id.lower() in wanted - {""}
    ]


def _is_on(shelved: Shelved, queue: str | None) -> bool:
    return queue in (None, shelved.queue_name)


def _row_of(tools: Tools, shelved: Shelved) -> CancellationRecord | None:
    try:
        request = request_in(shelved.record, shelved.queue_name)
    except Unreadable:
        return None
    return find_row(tools.ledger(), shelved.record, request)


def _missing(tools: Tools, which: list[str]) -> int:
    """Say what is not there; 1 if anything is not."""
    for name in which:
        _say(tools, [f"No record {name} is on the poison queues; `list` shows what is."])
    return int(bool(which))


def _is_yes(tools: Tools, count: int) -> bool:
    what = "this record" if count == 1 else f"these {count} records"
    try:
        return tools.ask(f"Drop {what} for good? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _say(tools: Tools, lines: Iterable[str]) -> None:
    tools.out.writelines(f"{line}\n" for line in lines)
    tools.out.flush()
